package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
)

// Replace puts a copy of a backup in the place of the database at path, whose lock is held.
// The copy is checked first, also by fits. The database that was there is kept, with its
// write-ahead log, under the name that is returned.
func Replace(ctx context.Context, path, backup string, fits func(ctx context.Context, db *sqlx.DB) error) (kept string, err error) {
	path = real(path)
	copied := path + ".restoring"
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(copied + suffix)
		}
	}()
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(backup+suffix, copied+suffix); err != nil && !(suffix != "" && errors.Is(err, fs.ErrNotExist)) {
			return "", err
		}
	}
	if err := check(ctx, copied, fits); err != nil {
		return "", err
	}
	if err := Opened(path); err != nil {
		return "", err
	}
	kept = path + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"-wal", ""} { // the file goes last: without it nothing is lost
		err := os.Rename(path+suffix, kept+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			if suffix == "" {
				kept = ""
			}
			continue
		}
		if err != nil {
			return "", err
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	if err := os.Rename(copied, path); err != nil {
		return kept, err
	}
	return kept, syncFolder(path)
}

// check looks whether a copy is whole and fits, and makes one file of it.
func check(ctx context.Context, path string, fits func(ctx context.Context, db *sqlx.DB) error) (err error) {
	db, err := open(path, busyTimeout, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.GetContext(ctx, &found, `PRAGMA quick_check(1)`); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the file is damaged: %s", found)
	}
	if err := fits(ctx, db); err != nil {
		return err
	}
	return EmptyLog(ctx, db)
}

// copyFile copies a file, for its owner alone, to a name that is not kept.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
