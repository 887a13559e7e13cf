package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrServed says that another process serves the same SQLite file.
var ErrServed = errors.New("another process serves this database already")

// Lock is the right to serve a SQLite file, or to change its schema. It is an
// exclusive lock on an empty database beside the file: SQLite's own locks work on
// every system, within a process as well, and end with the process, however that
// ends.
type Lock struct {
	db   *sql.DB
	conn *sql.Conn
}

// LockFile takes the lock of the database at path and waits for it as long as wait. It
// fails with ErrServed.
func LockFile(ctx context.Context, path string, wait time.Duration) (_ *Lock, err error) {
	path = real(path)
	if err := MakePrivate(path + ".lock"); err != nil {
		return nil, err
	}
	uri, err := address(path+".lock", url.Values{"_pragma": {"busy_timeout(" + strconv.FormatInt(wait.Milliseconds(), 10) + ")"}})
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	l := &Lock{db: sql.OpenDB(connector)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Release())
		}
	}()
	if l.conn, err = l.db.Conn(ctx); err == nil {
		_, err = l.conn.ExecContext(ctx, `BEGIN EXCLUSIVE`)
	}
	switch {
	case err == nil:
		return l, nil
	case code(err) == sqlite3.SQLITE_BUSY:
		return nil, ErrServed
	default:
		return nil, fmt.Errorf("locking %s: %w", path+".lock", err)
	}
}

// Release gives the lock back. A nil lock holds nothing.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	if l.conn != nil {
		_ = l.conn.Close()
	}
	return l.db.Close()
}
