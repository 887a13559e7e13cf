package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An orderly close leaves a note beside the database: which life it has, and what the file
// system says of its file. As long as that still matches, nothing else has written to the
// file or put another in its place.

// notePath is the note's name beside a database.
func notePath(path string) string { return path + ".closed" }

// ClosedLife is the identity that the last orderly close left beside the database at path,
// which is not open; empty if there was none, or if the file has changed since.
func ClosedLife(path string) (string, error) {
	path = real(path)
	note, err := os.ReadFile(notePath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading what the last close left: %w", err)
	}
	identity, then, _ := strings.Cut(string(note), "\n")
	now, err := state(path)
	if err != nil || now == "" || now+"\n" != then {
		return "", err
	}
	return identity, nil
}

// Opened takes away what the last close left, before anything is written.
func Opened(path string) error {
	path = real(path)
	err := os.Remove(notePath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return fmt.Errorf("removing what the last close left: %w", err)
	}
	return nil
}

// Closed leaves the identity beside the database at path, which this process has closed.
// Where another one has it open and its write-ahead log is not empty, nothing is left.
func Closed(path, identity string) error {
	path = real(path)
	now, err := state(path)
	if err != nil || now == "" {
		return err
	}
	note := notePath(path)
	if err := os.WriteFile(note+".new", []byte(identity+"\n"+now+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the orderly end: %w", err)
	}
	return os.Rename(note+".new", note)
}

// state is what the file system says of a database that is one complete file; empty if
// it is none, or if the system does not tell one file from another.
func state(path string) (string, error) {
	switch wal, err := os.Stat(path + "-wal"); {
	case err == nil && wal.Size() > 0:
		return "", nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("looking at the write-ahead log: %w", err)
	}
	return stat(path)
}

// real is the path of the file itself: two names of it have one lock and one note.
func real(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// syncFolder makes durable which files there are beside path.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
