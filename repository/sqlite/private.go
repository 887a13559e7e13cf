package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// making is held while a file is made. Closing a file gives up all locks that this
// process has on it (https://www.sqlite.org/howtocorrupt.html section 2.2), so SQLite must
// not have opened it by then. MakePrivate is called before each opening.
var making sync.Mutex

// MakePrivate makes an empty file for its owner alone where there is none, whatever
// folder it lies in: SQLite would let every user of the machine read it. The files that SQLite puts
// beside it have the same mode. One that is there keeps the mode that it was given.
func MakePrivate(path string) error {
	making.Lock()
	defer making.Unlock()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("making the database file: %w", err)
	}
	return f.Close()
}
