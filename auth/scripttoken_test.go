package auth

import (
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"
)

// documented is the form of a script token as docs/operations.md tells it to scanners.
var documented = regexp.MustCompile(`^parley_[A-Z2-7]{26}[0-9a-zA-Z]{49}$`)

func TestAScriptTokenHasTheDocumentedForm(t *testing.T) {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	seen := map[string]bool{}
	for range 1000 {
		token := NewScriptToken()
		text := token.Text()
		if !documented.MatchString(text) || seen[text] || seen[token.ID()] {
			t.Fatalf("%s is not a token of its own", text)
		}
		seen[text], seen[token.ID()] = true, true
		// As a scanner does it, by what is documented.
		sum, body := uint64(0), text[:len(text)-6]
		for _, digit := range text[len(body):] {
			sum = sum*62 + uint64(strings.IndexRune(digits, digit))
		}
		if want := crc32.ChecksumIEEE([]byte(body)); sum != uint64(want) {
			t.Fatalf("the checksum of %s is %d, want %d", text, sum, want)
		}
		if read, ok := readScriptToken(text); !ok || read != token || !read.isWellFormed() {
			t.Fatalf("%s is read as %q", text, read.text)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s %q", token, token, token, token, token); strings.Contains(printed, body[40:]) {
			t.Fatalf("the secret is printed: %s", printed)
		}
	}
}

func TestAScriptTokenWithAnythingChangedIsNone(t *testing.T) {
	text := NewScriptToken().Text()
	changed := []string{
		"", "parley_", text + "0", text[:len(text)-1], " " + text, "Parley_" + text[7:], "parley-" + text[7:],
		strings.ToLower(text), text[:7] + text[8:] + "0", strings.Repeat("x", 900_000), "parley_" + strings.Repeat("\x00", len(text)-7),
	}
	for i := range text {
		b := []byte(text)
		b[i] ^= 1
		changed = append(changed, string(b))
	}
	// A good checksum makes no token of what is not of the form.
	for _, body := range []string{
		"parley_" + strings.Repeat("a", 26+43), "parley_" + strings.Repeat("0", 26) + text[33:76], "parley_../../../../../../../etc/pw" + text[33:75],
	} {
		changed = append(changed, body+tokenChecksum(body))
	}
	for _, c := range changed {
		if token, ok := readScriptToken(c); ok && token.isWellFormed() {
			t.Errorf("%.200q is taken for a token", c)
		}
	}
}
