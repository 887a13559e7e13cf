//go:build unix

package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretThatEverybodyCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(path, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, taken := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o644: false, 0o604: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSecret(filepath.Dir(path)); (err == nil) != taken {
			t.Errorf("%o: %v", mode, err)
		}
	}
}
