package auth

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/chat"
)

var newKey = DeriveKey([]byte("the secret that follows, thirty-two"), "refresh token")

// rotate replaces the key; the one so far is the previous one.
func (d *desk) rotate() { d.refreshKeys = [][]byte{newKey, refreshKey} }

func TestARotationEndsNoSession(t *testing.T) {
	d := newDesk(t)
	login := d.logIn(t)
	login = d.refresh(t, login.RefreshToken)
	d.rotate()
	for range 2 {
		login = d.refresh(t, login.RefreshToken)
	}
	d.refreshKeys = [][]byte{newKey}
	d.refresh(t, login.RefreshToken)
}

func TestALostAnswerIsGivenAgainAcrossARotation(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	second := d.refresh(t, first.RefreshToken)
	d.rotate()
	if again := d.refresh(t, first.RefreshToken); again.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	third := d.refresh(t, second.RefreshToken)
	if again := d.refresh(t, second.RefreshToken); again.RefreshToken != third.RefreshToken {
		t.Error("another successor under the new key")
	}
}

func TestATokenCopiedBeforeARotationEndsItsSession(t *testing.T) {
	for name, refreshes := range map[string][2]int{"soon": {1, 1}, "long ago": {maxTurns / 2, maxTurns / 2}, "all since": {0, maxTurns + 2}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			copied := d.logIn(t)
			login := copied
			for range refreshes[0] {
				login = d.refresh(t, login.RefreshToken)
			}
			d.rotate()
			for range refreshes[1] {
				login = d.refresh(t, login.RefreshToken)
			}
			began := time.Now()
			_, err := d.Refresh(t.Context(), copied.RefreshToken)
			wantError(t, err, chat.ErrBadRefreshToken)
			if d.store.isLive(sessionOf(t, login.RefreshToken)) {
				t.Error("the session lives")
			}
			t.Log("it was proven in", time.Since(began))
		})
	}
}

func TestARenamedSecretIsThePreviousOne(t *testing.T) {
	folder := t.TempDir()
	if previous, err := PreviousSecret(folder); previous != nil || err != nil {
		t.Errorf("before there is one: %d bytes, %v", len(previous), err)
	}
	secret, err := OpenSecret(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, secretFile), filepath.Join(folder, previousFile)); err != nil {
		t.Fatal(err)
	}
	previous, err := PreviousSecret(folder)
	if err != nil || !bytes.Equal(previous, secret) {
		t.Errorf("the renamed one: %v", err)
	}
	if next, err := OpenSecret(folder); err != nil || bytes.Equal(next, secret) {
		t.Errorf("the next one: %v", err)
	}
	short := hex.EncodeToString(secret[:31])
	if err := os.WriteFile(filepath.Join(folder, previousFile), []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PreviousSecret(folder); err == nil {
		t.Error("a short one is taken")
	}
}
