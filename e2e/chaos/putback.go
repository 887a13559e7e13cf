//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/e2e/chaos/history"
)

// putBack puts SQLite's file back to what it was a while ago, as from a backup: what was
// acknowledged since is lost, and must not be taken for anything else.
func putBack(in *injection) error {
	i, file := in.plant.instances[0], filepath.Join(in.plant.folder, "parley.db")
	if _, err := i.Terminate(); err != nil {
		return err
	}
	lost := history.Span{From: in.world.Record.Since()}
	backup, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := i.Start(); err != nil {
		return err
	}
	in.wait(time.Second, 2*time.Second)
	if _, err := i.Terminate(); err != nil {
		return err
	}
	for _, beside := range []string{"-wal", "-shm"} {
		if err := os.Remove(file + beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.WriteFile(file+".backup", backup, 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".backup", file); err != nil {
		return err
	}
	// What was answered before the end may be recorded a moment later.
	in.wait(200*time.Millisecond, 200*time.Millisecond)
	lost.To = in.world.Record.Since()
	in.world.Record.PutBack(lost)
	return i.Start()
}
