package server_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/server"
)

const appSecret = "what the application signs its tokens with"

var rsaKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	one, _ := rsa.GenerateKey(rand.Reader, 2048)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	return [2]*rsa.PrivateKey{one, other}
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// signed is a token of any header and payload.
func signed(key any, header, payload string) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	switch key := key.(type) {
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return text + "." + b64(mac.Sum(nil))
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(text))
		signature, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		return text + "." + b64(signature)
	}
	return text + "."
}

func publicKey(kid string, key *rsa.PrivateKey) map[string]any {
	return map[string]any{"kid": kid, "kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

// elsewhere is a house that takes tokens of an application, by a secret, and of an issuer, by
// keys at an address.
type elsewhere struct {
	*house
	// stray counts the questions to an address that only tokens name.
	stray    atomic.Int64
	strayURL string
}

func openElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, toJSON(map[string]any{"keys": []any{publicKey("one", rsaKeys()[0])}}))
	}))
	t.Cleanup(keys.Close)
	e := &elsewhere{}
	stray := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.stray.Add(1)
		fmt.Fprint(w, toJSON(map[string]any{"keys": []any{publicKey("one", rsaKeys()[1])}}))
	}))
	t.Cleanup(stray.Close)
	e.strayURL = stray.URL
	folder := t.TempDir()
	for name, text := range map[string]string{
		"secret": appSecret,
		"issuers.json": `[{"issuer":"app","audience":"chat","namespace":"app","username_claim":"sub","secret_file":"secret"},
			{"issuer":"https://id.example","audience":"chat","namespace":"id","jwks_url":"` + keys.URL + `"}]`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.house = open(t, func(s *server.Settings) {
		s.Issuers = filepath.Join(folder, "issuers.json")
	})
	e.secrets = append(e.secrets, appSecret)
	return e
}

// says is the payload of a good token of an issuer, changed; nil takes a claim away.
func says(issuer string, change map[string]any) string {
	claims := map[string]any{"iss": issuer, "aud": "chat", "sub": "ann", "exp": time.Now().Add(time.Hour).Unix(), "preferred_username": "ann"}
	maps.Copy(claims, change)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return toJSON(claims)
}

// app and id are good tokens, changed. No line of the log may show them.
func (e *elsewhere) app(change map[string]any) string {
	return e.hide(signed([]byte(appSecret), `{"alg":"HS256","typ":"JWT"}`, says("app", change)))
}

func (e *elsewhere) id(change map[string]any) string {
	return e.hide(signed(rsaKeys()[0], `{"alg":"RS256","kid":"one"}`, says("https://id.example", change)))
}

// hide forbids the log a token and its payload.
func (e *elsewhere) hide(token string) string {
	for _, part := range append(strings.Split(token, ".")[1:], token) {
		if len(part) > 20 {
			e.secrets = append(e.secrets, part)
		}
	}
	return token
}

func TestATokenOfAnotherIssuerIsAUserLikeOthers(t *testing.T) {
	t.Parallel()
	e := openElsewhere(t)
	local := e.user("ann")
	app, id := bearer(e.app(nil)), bearer(e.id(map[string]any{"sub": "4711", "name": "Ann"}))
	for _, who := range []struct {
		headers       []string
		name, display string
	}{{app, "ann@app", "ann"}, {id, "ann@id", "Ann"}, {local, "ann", "ann"}} {
		var me struct {
			Username    string `json:"username"`
			DisplayName string `json:"display_name"`
			Admin       bool   `json:"admin"`
		}
		e.do("GET", "/me", "", who.headers...).want(200).into(&me)
		if me.Username != who.name || me.DisplayName != who.display || me.Admin != (who.name == "ann") {
			t.Errorf("%s is %+v", who.name, me)
		}
	}
	e.chat("room", app)
	for _, name := range []string{"ann@id", "ann%40id", "ann"} {
		e.do("PUT", "/chats/room/members/"+name, "", app...).want(200)
	}
	e.do("PUT", "/chats/room/members/ann@nowhere", "", app...).refused(404, "not_found")
	e.do("PUT", "/chats/room/members/ann@app@id", "", app...).refused(404, "not_found")
	e.do("GET", "/chats/room/members?after=ann@app", "", app...).want(200)
	following := e.follow("/chats/room/stream", id...)
	following.until("event: ready")
	e.say("room", "hello from the application", app)
	if block := following.until("hello from"); !strings.Contains(block, `"author":"ann@app"`) {
		t.Error(block)
	}
	var made struct{ Ticket string }
	e.do("POST", "/stream-tickets", "", id...).want(201).into(&made)
	e.follow("/chats/room/stream?ticket=" + made.Ticket).until("event: ready")
	e.do("DELETE", "/chats/room/members/ann@id", "", app...).want(204)
	following.until("event: bye")
}

func TestAForeignUserCannotBeConfusedWithALocalOne(t *testing.T) {
	t.Parallel()
	e := openElsewhere(t)
	e.do("GET", "/me", "", bearer(e.app(nil))...).want(200)
	e.do("POST", "/users", `{"username":"ann@app","password":"`+password+`"}`, "Content-Type", asJSON).refused(400, "invalid_request", "username")
	for _, password := range []string{"", password} {
		a := e.do("POST", "/login", `{"username":"ann@app","password":"`+password+`"}`, "Content-Type", asJSON)
		if a.status != 400 && a.status != 401 {
			t.Errorf("a login by %q: %d", password, a.status)
		}
	}
	for _, headers := range [][]string{
		{"Cookie", "parley_token=" + e.app(nil)}, // a cookie is of this service
		{"Authorization", "Basic " + e.app(nil)},
	} {
		if a := e.do("GET", "/me", "", headers...); a.status != 401 {
			t.Errorf("%s: %d", headers[0], a.status)
		}
	}
	e.do("POST", "/refresh", `{"refresh_token":"`+e.app(nil)+`"}`, "Content-Type", asJSON).refused(401, "invalid_refresh_token")
	e.do("POST", "/refresh", "", bearer(e.app(nil))...).refused(400, "invalid_request", "refresh_token")
}

func TestAForeignUserEndsItsOtherSessions(t *testing.T) {
	t.Parallel()
	e := openElsewhere(t)
	one, other := bearer(e.app(map[string]any{"sid": "s1"})), bearer(e.app(map[string]any{"sid": "s2"}))
	e.do("GET", "/me", "", other...).want(200)
	e.do("GET", "/me/sessions", "", one...).want(200)
	e.do("DELETE", "/me/sessions", "", one...).want(204)
	e.do("GET", "/me", "", other...).refused(401, "session_ended")
	e.do("GET", "/me", "", one...).want(200)
}

func TestALogoutEndsAForeignSession(t *testing.T) {
	t.Parallel()
	e := openElsewhere(t)
	admin := e.user("root")
	session := map[string]any{"sid": "s1"}
	one, other := bearer(e.app(session)), bearer(e.app(map[string]any{"sid": "s2"}))
	e.chat("room", one)
	following, staying := e.follow("/stream", one...), e.follow("/stream", other...)
	following.until("event: ready")
	staying.until("event: ready")
	e.do("POST", "/logout", "", one...).want(204)
	following.until(`"revoked"`)
	e.do("GET", "/me", "", one...).refused(401, "session_ended")
	session["exp"] = time.Now().Add(2 * time.Hour).Unix()
	e.do("GET", "/me", "", bearer(e.app(session))...).refused(401, "session_ended")
	e.do("GET", "/me", "", other...).want(200)
	e.do("POST", "/logout", "", bearer(e.app(map[string]any{"aud": "mail"}))...).refused(401, "invalid_token")

	e.do("GET", "/users?q=ann@", "", admin...).want(200)
	e.do("PATCH", "/users/ann@app", `{"disabled":true}`, with(admin, "Content-Type", asJSON)...).want(200)
	staying.until(`"revoked"`)
	e.do("GET", "/me", "", other...).refused(401, "session_ended")
	e.do("GET", "/me", "", bearer(e.app(map[string]any{"sid": "s3"}))...).refused(401, "session_ended")
}

// Nothing here may get in, be an error of the server's, or show in its log.
func TestNoHandMadeTokenOpensAnything(t *testing.T) {
	t.Parallel()
	e := openElsewhere(t)
	e.user("ann")
	own := e.logIn("ann")
	accessKey := auth.DeriveKey([]byte(secret), "access token")
	ownClaims := claimsOf(t, own.Token)
	ownPayload := toJSON(ownClaims)
	changed := func(name string, value any) string {
		c := maps.Clone(ownClaims)
		c[name] = value
		return toJSON(c)
	}
	const (
		ownHeader = `{"alg":"HS256","typ":"at+jwt"}`
		idHeader  = `{"alg":"RS256","kid":"one"}`
	)
	one, two := rsaKeys()[0], rsaKeys()[1]
	der, err := x509.MarshalPKIXPublicKey(&one.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	idSays, appSays := says("https://id.example", nil), says("app", nil)
	id := func(payload string) string { return signed(one, idHeader, payload) }
	app := func(payload string) string { return signed([]byte(appSecret), `{"alg":"HS256"}`, payload) }
	stray := func(header string) string { return signed(two, header, idSays) }
	twice := func(payload, member string) string { return payload[:len(payload)-1] + "," + member + "}" }
	now := time.Now().Unix()

	bad := map[string]string{
		"own, none":                    signed(nil, `{"alg":"none","typ":"at+jwt"}`, ownPayload),
		"own, typ JWT":                 signed(accessKey, `{"alg":"HS256","typ":"JWT"}`, ownPayload),
		"own, RS256":                   signed(one, `{"alg":"RS256","typ":"at+jwt"}`, ownPayload),
		"own, empty key":               signed([]byte{}, ownHeader, ownPayload),
		"own, short key":               signed([]byte("secret"), ownHeader, ownPayload),
		"own, the secret itself":       signed([]byte(secret), ownHeader, ownPayload),
		"own, the application's":       signed([]byte(appSecret), ownHeader, ownPayload),
		"own, the refresh key":         signed(auth.DeriveKey([]byte(secret), "refresh token"), ownHeader, ownPayload),
		"own, a kid of a path":         signed([]byte{}, `{"alg":"HS256","typ":"at+jwt","kid":"/dev/null"}`, ownPayload),
		"own, sub twice":               signed(accessKey, ownHeader, twice(ownPayload, `"sub":"bob"`)),
		"own, exp a fraction":          signed(accessKey, ownHeader, strings.Replace(ownPayload, `"exp":`, `"exp":0.5e1,"x":`, 1)),
		"own, exp huge":                signed(accessKey, ownHeader, changed("exp", json.RawMessage("1e300"))),
		"own, exp this second":         signed(accessKey, ownHeader, changed("exp", now)),
		"own, nbf in a second":         signed(accessKey, ownHeader, changed("nbf", now+1)),
		"own, another aud":             signed(accessKey, ownHeader, changed("aud", "chat")),
		"own, auds":                    signed(accessKey, ownHeader, changed("aud", []string{"parley"})),
		"own, at a foreign issuer's":   signed(accessKey, ownHeader, changed("iss", "app")),
		"own, at a foreign RSA's":      signed(accessKey, ownHeader, changed("iss", "https://id.example")),
		"own, 900 KB":                  signed(accessKey, ownHeader, changed("x", strings.Repeat("x", 900_000))),
		"own, refresh as access":       own.RefreshToken,
		"own issuer by the RSA key":    id(says("parley", map[string]any{"aud": "parley"})),
		"own issuer by the app's":      app(says("parley", map[string]any{"aud": "parley"})),
		"none":                         signed(nil, `{"alg":"none"}`, idSays),
		"none, capitals":               signed(nil, `{"alg":"NONE"}`, idSays),
		"HS256 by the PEM":             signed(asPEM, `{"alg":"HS256","kid":"one"}`, idSays),
		"HS256 by the DER":             signed(der, `{"alg":"HS256","kid":"one"}`, idSays),
		"HS256, empty key":             signed([]byte{}, `{"alg":"HS256","kid":"one"}`, idSays),
		"HS256, empty key, app":        signed([]byte{}, `{"alg":"HS256"}`, appSays),
		"HS256, short key, app":        signed([]byte("secret"), `{"alg":"HS256"}`, appSays),
		"HS256, our secret, app":       signed([]byte(secret), `{"alg":"HS256"}`, appSays),
		"RS256, app":                   signed(one, idHeader, appSays),
		"the app's key, the other iss": app(idSays),
		"another key":                  stray(idHeader),
		"kid a path":                   stray(`{"alg":"RS256","kid":"../../etc/passwd"}`),
		"kid SQL":                      stray(`{"alg":"RS256","kid":"' OR 1=1; DROP TABLE users --"}`),
		"kid a URL":                    stray(`{"alg":"RS256","kid":"` + e.strayURL + `"}`),
		"jku":                          stray(`{"alg":"RS256","kid":"one","jku":"` + e.strayURL + `"}`),
		"x5u":                          stray(`{"alg":"RS256","kid":"one","x5u":"` + e.strayURL + `"}`),
		"an embedded key":              stray(`{"alg":"RS256","jwk":` + toJSON(publicKey("one", two)) + `}`),
		"crit":                         signed(one, `{"alg":"RS256","kid":"one","crit":["b64"],"b64":true}`, idSays),
		"sub twice":                    id(twice(idSays, `"sub":"bob"`)),
		"exp twice":                    app(twice(appSays, `"exp":99999999999`)),
		"exp this second":              id(says("https://id.example", map[string]any{"exp": now})),
		"exp a fraction":               id(says("https://id.example", map[string]any{"exp": json.RawMessage(fmt.Sprint(now+60, ".5"))})),
		"exp huge":                     app(says("app", map[string]any{"exp": json.RawMessage("1e300")})),
		"exp a string":                 app(says("app", map[string]any{"exp": fmt.Sprint(now + 60)})),
		"no exp":                       app(says("app", map[string]any{"exp": nil})),
		"nbf in a minute":              app(says("app", map[string]any{"nbf": now + 60})),
		"no aud":                       app(says("app", map[string]any{"aud": nil})),
		"auds without ours":            app(says("app", map[string]any{"aud": []string{"mail", "parley"}})),
		"no sub":                       app(says("app", map[string]any{"sub": nil})),
		"an unknown issuer":            app(says("else", nil)),
		"900 KB":                       id(says("https://id.example", map[string]any{"x": strings.Repeat("x", 900_000)})),
		"20 KB":                        id(says("https://id.example", map[string]any{"x": strings.Repeat("x", 20_000)})),
		"a header of 900 KB":           signed(one, `{"alg":"RS256","kid":"`+strings.Repeat("k", 900_000)+`"}`, idSays),
		"dots":                         strings.Repeat(".", 2000),
	}
	for name, token := range bad {
		e.hide(token)
		for _, ask := range []string{"GET /me", "POST /chats", "GET /stream?timeout=1s", "POST /logout"} {
			if ask == "POST /logout" && name == "own, exp this second" {
				continue // a token that has ended ends its session
			}
			method, path, _ := strings.Cut(ask, " ")
			a := e.do(method, path, "{}", "Authorization", "Bearer "+token, "Content-Type", asJSON)
			if a.status != http.StatusUnauthorized && a.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s with %s: %d %s", ask, name, a.status, a.body)
			}
		}
	}
	if n := e.stray.Load(); n != 0 {
		t.Errorf("%d keys were fetched from where a token said", n)
	}
	// An access token refreshes nothing, and good tokens are good.
	e.do("POST", "/refresh", `{"refresh_token":"`+own.Token+`"}`, "Content-Type", asJSON).refused(401, "invalid_refresh_token")
	for name, token := range map[string]string{"own": own.Token, "app": e.app(nil), "id": e.id(map[string]any{"aud": []string{"mail", "chat"}})} {
		if a := e.do("GET", "/me", "", bearer(token)...); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestAListOfIssuersThatIsUnsafeStopsTheStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, list := range map[string]string{
		"missing":   "",
		"http":      `[{"issuer":"one","audience":"chat","namespace":"one","jwks_url":"http://id.example/keys"}]`,
		"namespace": `[{"issuer":"one","audience":"chat","namespace":"ns","jwks_url":"https://a.example/"},{"issuer":"two","audience":"chat","namespace":"ns","jwks_url":"https://b.example/"}]`,
		"secret":    `[{"issuer":"one","audience":"chat","namespace":"one","secret_file":"short"}]`,
	} {
		path := filepath.Join(folder, name+".json")
		if list != "" {
			if err := errors.Join(os.WriteFile(path, []byte(list), 0o600), os.WriteFile(filepath.Join(folder, "short"), []byte("short"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := server.Open(t.Context(), server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), Issuers: path}, os.Stderr)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "--issuers: ") || list != "" && !strings.Contains(err.Error(), "entry ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
