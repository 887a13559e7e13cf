package auth

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/secure/precis"

	"parley/chat"
)

// The same password as keyboards of different systems write it.
const (
	composed   = "Grüße-aus-Köln"
	decomposed = "Gru\u0308ße-aus-Ko\u0308ln"
)

func TestAPasswordIsTheSameInEveryFormOfItsCharacters(t *testing.T) {
	for _, forms := range [][]string{
		{composed, decomposed},
		{"one two three", "one\u00a0two\u3000three"},
		{"\u1100\u1161\u11a8 hangul syllables", "각 hangul syllables"},
	} {
		d := newDesk(t)
		for i, made := range forms {
			username := "ann" + string(rune('0'+i))
			if _, err := d.SignUp(t.Context(), SignUp{Username: username, Password: made}); err != nil {
				t.Fatal(err)
			}
			for _, tried := range forms {
				if _, err := d.LogIn(t.Context(), SignIn{Username: username, Password: tried}); err != nil {
					t.Errorf("made as %+q, tried as %+q: %v", made, tried, err)
				}
			}
			_, err := d.LogIn(t.Context(), SignIn{Username: username, Password: made + "\u0308"})
			wantError(t, err, chat.ErrBadCredentials)
		}
	}
}

func TestAPasswordIsMeasuredInItsOneForm(t *testing.T) {
	u := SignUp{Username: "ann", Password: strings.Repeat("o\u0308", 7)}
	wantError(t, u.Check(), chat.ErrInvalid)
	u.Password = strings.Repeat("o\u0308", 256)
	if err := u.Check(); err != nil {
		t.Error(err)
	}
	u.Password += "o"
	wantError(t, u.Check(), chat.ErrInvalid)
}

// Hashes made before passwords had one form are of what was typed.
func TestAHashOfAPasswordAsItWasTypedStillMatches(t *testing.T) {
	for _, raw := range []string{decomposed, strings.Repeat("o\u0308", 4)} {
		hash, err := argon2id.CreateHash(raw, hashing)
		if err != nil {
			t.Fatal(err)
		}
		for tried, want := range map[string]bool{raw: true, raw + "!": false} {
			if got, err := passwords.compare(t.Context(), caller{}, tried, hash); err != nil || got != want {
				t.Errorf("%+q: %v, %v", tried, got, err)
			}
		}
	}
}

// OpaqueString refuses some passwords that the contract takes, such as those with an
// emoji's variation selector. Whatever it takes has the same form here.
func FuzzTheOneFormIsOpaqueStrings(f *testing.F) {
	for _, s := range []string{composed, decomposed, "\u00a0\u1680\u2003\u3000", "tab\there", "❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f", "\xff", "ﬁ", "Å\u212b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := opaque(s)
		if want, err := precis.OpaqueString.String(s); utf8.ValidString(s) && err == nil && got != want {
			t.Errorf("%+q: %+q, want %+q", s, got, want)
		}
		if again := opaque(got); again != got || utf8.ValidString(got) != utf8.ValidString(s) {
			t.Errorf("%+q: %+q, and again %+q", s, got, again)
		}
	})
}
