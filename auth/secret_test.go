package auth

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestTheSecretIsMadeOnceAndReadByItsOwnerAlone(t *testing.T) {
	folder := t.TempDir()
	secret, err := OpenSecret(folder)
	if err != nil || len(secret) != 32 {
		t.Fatalf("%d bytes, %v", len(secret), err)
	}
	again, err := OpenSecret(folder)
	if err != nil || !bytes.Equal(again, secret) {
		t.Errorf("another one: %v", err)
	}
	info, err := os.Stat(filepath.Join(folder, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	other, err := OpenSecret(t.TempDir())
	if err != nil || bytes.Equal(other, secret) {
		t.Errorf("two folders share a secret: %v", err)
	}
}

func TestAllWhoMakeTheSecretAtOnceGetTheSame(t *testing.T) {
	folder := t.TempDir()
	const processes = 16
	got := make([][]byte, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			var err error
			if got[i], err = OpenSecret(folder); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, secret := range got {
		if !bytes.Equal(secret, got[0]) {
			t.Fatal("two secrets")
		}
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAFileThatIsNoSecretIsRefusedAndLeftAlone(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "short": strings.Repeat("ab", 31), "no hex": strings.Repeat("xy", 32), "odd": strings.Repeat("ab", 32) + "a",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret.key")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenSecret(filepath.Dir(path))
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v", err)
			}
			if text != "" && strings.Contains(err.Error(), text) {
				t.Error("the error tells the content")
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != text {
				t.Errorf("the file is %q now, %v", now, err)
			}
		})
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if _, err := OpenSecret(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error")
	}
}

func TestKeysOfDifferentLabelsAndSecretsDiffer(t *testing.T) {
	secret := []byte(strings.Repeat("s", 32))
	seen := map[string]string{}
	for _, c := range []struct {
		name, label string
		secret      []byte
	}{
		{"access", "access token", secret}, {"refresh", "refresh token", secret}, {"post", "post hash", secret},
		{"another secret", "access token", []byte(strings.Repeat("t", 32))},
	} {
		key := DeriveKey(c.secret, c.label)
		if len(key) != 32 || bytes.Equal(key, c.secret) {
			t.Errorf("%s: %d bytes", c.name, len(key))
		}
		if other, taken := seen[string(key)]; taken {
			t.Errorf("%s and %s are one key", c.name, other)
		}
		seen[string(key)] = c.name
		if !bytes.Equal(key, DeriveKey(c.secret, c.label)) {
			t.Errorf("%s: a second derivation differs", c.name)
		}
	}
	// Tokens outlive a process, so a key may not change from one release to the
	// next.
	const want = "2be67d520c89201eb2142b611b1120abb1fd8c0f451b856bc7e09486f84e5ca0"
	if got := hex.EncodeToString(DeriveKey(secret, "access token")); got != want {
		t.Errorf("the access key is %s now, was %s", got, want)
	}
}
