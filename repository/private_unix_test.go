//go:build unix

package repository

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"parley/chat"
)

func TestASQLiteDatabaseIsReadByItsOwnerAloneWhereverItLies(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "of any name")
	r := (&store{url: "sqlite:" + path}).open(t, func(o *Options) { o.Serve = true })
	makeChat(t, r, signUp(t, r, "ann")["ann"], "den", chat.Private, nil)
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		file, err := os.Stat(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if mode := file.Mode(); mode != 0o600 {
			t.Errorf("%s has mode %v, want %v", file.Name(), mode, fs.FileMode(0o600))
		}
	}
}

func TestADatabaseFileThatIsThereKeepsItsMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "parley.db")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	(&store{url: "sqlite:" + path}).open(t)
	if file, err := os.Stat(path); err != nil || file.Mode() != 0o640 {
		t.Errorf("the file is %v, %v", file, err)
	}
}
