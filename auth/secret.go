package auth

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	secretFile = "secret.key"
	// previousFile is the name that an operator gives to a secret that is to be replaced.
	previousFile = "secret.previous.key"
	secretBytes  = 32
)

// DeriveKey makes one of the service's keys, 32 bytes, out of its secret
// (HKDF-SHA-256, RFC 5869). Keys of different labels tell nothing about each
// other or the secret.
func DeriveKey(secret []byte, label string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "parley "+label, sha256.Size)
	if err != nil {
		// Only a length beyond what HKDF gives, or a hash that the system's policy
		// forbids, can do this.
		panic(fmt.Sprintf("deriving the key %q: %v", label, err))
	}
	return key
}

// OpenSecret reads the service's secret from secret.key in the folder, or makes
// it: 32 random bytes in hex, readable by the owner alone. Of several processes
// that make it at once all get the same one. A file that others on the machine
// can read is refused.
func OpenSecret(folder string) ([]byte, error) {
	path := filepath.Join(folder, secretFile)
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := makeSecret(path); err != nil {
		return nil, fmt.Errorf("making the secret: %w", err)
	}
	return readSecret(path)
}

// PreviousSecret reads the secret that secret.key held before it was renamed to
// secret.previous.key; nil where there is none.
func PreviousSecret(folder string) ([]byte, error) {
	secret, err := readSecret(filepath.Join(folder, previousFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return secret, err
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret: %w", err)
	}
	// Windows shows no rights of others in the mode.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s can be read by everybody on this machine: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret: %w", err)
	}
	secret := make([]byte, hex.DecodedLen(len(bytes.TrimSpace(text))))
	if _, err := hex.Decode(secret, bytes.TrimSpace(text)); err != nil || len(secret) < secretBytes {
		return nil, fmt.Errorf("%s is no key of at least %d bytes in hex: restore it, or remove it to have a new one made, which ends all sessions", path, secretBytes)
	}
	return secret, nil
}

// makeSecret writes a new secret whole beside the path, and then gives it that
// name, unless another process was first.
func makeSecret(path string) error {
	// CreateTemp gives the file to its owner alone (0600).
	f, err := os.CreateTemp(filepath.Dir(path), secretFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret)
	_, err = fmt.Fprintln(f, hex.EncodeToString(secret))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces.
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		// The file system knows no links: there a rename is the next best.
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in the folder outlive a power cut. Not every
// system can sync a folder, so only opening it may fail.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
