package issuers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder has the files that entries name.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret": sharedSecret + "\n", "short": sharedSecret[:31], "dull": strings.Repeat("ab", 32), "keys": jwks(jwk("r", pairs().rsa)),
		"twice": jwks(jwk("r", pairs().rsa), jwk("r", pairs().otherRSA)),
		"large": jwks(jwk("r", pairs().rsa)) + strings.Repeat(" ", maxJWKS),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, dir, text string) ([]Config, error) {
	t.Helper()
	path := filepath.Join(dir, "issuers.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func TestAListOfIssuersIsRead(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	configs, err := read(t, dir, `[
		{"issuer":"app","audience":"chat","namespace":"app","username_claim":"sub","secret_file":"secret","algorithms":["HS256"]},
		{"issuer":"https://a.example","audience":"chat","namespace":"a","jwks_url":"https://a.example/keys"},
		{"issuer":"https://b.example","audience":"chat","namespace":"b","jwks_url":"http://127.0.0.1:8080/keys","algorithms":["ES256","EdDSA"]},
		{"issuer":"https://c.example","audience":"chat","namespace":"c","jwks_url":"http://localhost/keys"},
		{"issuer":"https://d.example","audience":"chat","namespace":"d","jwks_file":"`+filepath.ToSlash(filepath.Join(dir, "keys"))+`"}]`)
	if err != nil {
		t.Fatal(err)
	}
	if string(configs[0].secret) != sharedSecret || configs[0].UsernameClaim != "sub" || configs[1].UsernameClaim != "preferred_username" {
		t.Errorf("%+v", configs[:2])
	}
	if len(configs[1].algorithms()) != 4 || len(configs[2].algorithms()) != 2 {
		t.Errorf("%v and %v", configs[1].algorithms(), configs[2].algorithms())
	}
}

func TestAMistakeInTheListNamesItsEntryInOneLine(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	const first = `{"issuer":"one","audience":"chat","namespace":"one","secret_file":"secret"}`
	entry := func(members string) string { return "[" + first + "," + members + "]" }
	with := func(members string) string {
		return entry(`{"issuer":"two","audience":"chat","namespace":"two",` + members + `}`)
	}
	for _, row := range []struct{ name, list, want string }{
		{"no list", `{}`, "no list"},
		{"no JSON", `[`, "no list"},
		{"nothing", ``, "no list"},
		{"more behind it", `[` + first + `] []`, "no list"},
		{"an empty list", `[]`, "names no issuer"},
		{"null", `null`, "names no issuer"},
		{"an unknown field", with(`"secret_file":"secret","jwks":"x"`), `unknown object member name "jwks"`},
		{"a field in capitals", with(`"SECRET_FILE":"secret"`), "unknown object member"},
		{"a field twice", with(`"audience":"mail","secret_file":"secret"`), "duplicate object member"},
		{"a number", with(`"secret_file":7`), "secret_file"},
		{"no issuer", entry(`{"audience":"chat","namespace":"two","secret_file":"secret"}`), `entry 2 (""): issuer`},
		{"our own", entry(`{"issuer":"parley","audience":"chat","namespace":"two","secret_file":"secret"}`), `entry 2 ("parley"): issuer`},
		{"no audience", entry(`{"issuer":"two","namespace":"two","secret_file":"secret"}`), `entry 2 ("two"): audience`},
		{"no namespace", entry(`{"issuer":"two","audience":"chat","secret_file":"secret"}`), `entry 2 ("two"): namespace`},
		{"a namespace with @", entry(`{"issuer":"two","audience":"chat","namespace":"a@b","secret_file":"secret"}`), `entry 2 ("two"): namespace "a@b"`},
		{"a namespace too long", entry(`{"issuer":"two","audience":"chat","namespace":"` + strings.Repeat("n", 33) + `","secret_file":"secret"}`), `entry 2 ("two"): namespace`},
		{"the issuer again", entry(`{"issuer":"one","audience":"mail","namespace":"two","secret_file":"secret"}`), `entry 2 ("one"): entry 1 has the same issuer`},
		{"the namespace again", entry(`{"issuer":"two","audience":"chat","namespace":"one","secret_file":"secret"}`), `entry 2 ("two"): entry 1 has the same namespace`},
		{"no key", entry(`{"issuer":"two","audience":"chat","namespace":"two"}`), `entry 2 ("two"): name exactly one`},
		{"two sources", with(`"secret_file":"secret","jwks_url":"https://a.example/keys"`), `entry 2 ("two"): name exactly one`},
		{"http", with(`"jwks_url":"http://a.example/keys"`), `entry 2 ("two"): jwks_url http://a.example/keys is not https`},
		{"http to what begins like loopback", with(`"jwks_url":"http://127.0.0.1.example/keys"`), "is not https"},
		{"http to localhost's neighbour", with(`"jwks_url":"http://localhost.example/keys"`), "is not https"},
		{"a file's address", with(`"jwks_url":"file:///etc/passwd"`), `entry 2 ("two"): jwks_url`},
		{"no address", with(`"jwks_url":"keys"`), `entry 2 ("two"): jwks_url`},
		{"a password in the address", with(`"jwks_url":"https://a:hush@a.example/keys"`), `entry 2 ("two"): jwks_url`},
		{"a missing secret", with(`"secret_file":"nowhere"`), `entry 2 ("two"): secret_file`},
		{"a short secret", with(`"secret_file":"short"`), `entry 2 ("two"): secret_file holds 31 bytes`},
		{"a dull secret", with(`"secret_file":"dull"`), `entry 2 ("two"): secret_file holds a few characters`},
		{"missing keys", with(`"jwks_file":"nowhere"`), `entry 2 ("two"): jwks_file`},
		{"keys that are none", with(`"jwks_file":"secret"`), `entry 2 ("two"): jwks_file`},
		{"keys with one kid", with(`"jwks_file":"twice"`), `entry 2 ("two"): jwks_file: two of its keys`},
		{"too large a file of keys", with(`"jwks_file":"large"`), `entry 2 ("two"): jwks_file: it has more than`},
		{"an unknown algorithm", with(`"jwks_file":"keys","algorithms":["RS1024"]`), `entry 2 ("two"): algorithm "RS1024"`},
		{"none", with(`"jwks_file":"keys","algorithms":["none"]`), `entry 2 ("two"): algorithm "none"`},
		{"HS256 with public keys", with(`"jwks_file":"keys","algorithms":["RS256","HS256"]`), `entry 2 ("two"): algorithm "HS256"`},
		{"RS256 with a secret", with(`"secret_file":"secret","algorithms":["RS256"]`), `entry 2 ("two"): algorithm "RS256"`},
	} {
		_, err := read(t, dir, row.list)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), sharedSecret[:31]) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "nowhere.json")); err == nil {
		t.Error("a missing list is taken")
	}
	if _, err := read(t, dir, entry(`{"issuer":"two","namespace":"no way","jwks_url":"http://a.example"}`)); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three mistakes are told as %v", err)
	}
}
