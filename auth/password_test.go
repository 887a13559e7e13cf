package auth

import (
	"testing"

	"parley/chat"
)

func TestAHashIsOfItsPasswordAlone(t *testing.T) {
	hash, err := HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	long := "correct-horse-that-is-longer-than-the-seventy-two-bytes-at-which-bcrypt-cuts-it-off"
	longHash, err := HashPassword(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password, hash string
		want           bool
	}{
		{password, hash, true}, {password + "!", hash, false}, {"", hash, false},
		{long, longHash, true}, {long + "!", longHash, false}, {password, nobodysHash, false},
	} {
		if got, err := passwords.compare(t.Context(), caller{}, c.password, c.hash); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.password, got, err)
		}
	}
}

func TestWhatIsNoPasswordIsNotHashed(t *testing.T) {
	for _, p := range []string{"", "short", "with\x00a-nul", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		_, err := HashPassword(t.Context(), p)
		wantError(t, err, chat.ErrInvalid)
	}
}

func TestASlotIsLeftAfterEveryHash(t *testing.T) {
	g := newGate(1, patience)
	for range 3 {
		hash, err := g.hash(t.Context(), caller{}, password)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := g.compare(t.Context(), caller{}, password, hash); !ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		if _, err := g.compare(t.Context(), caller{}, password, "no hash"); err == nil {
			t.Error("a broken hash was compared")
		}
	}
}
