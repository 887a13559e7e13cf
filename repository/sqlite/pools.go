// Package sqlite is what parley does with SQLite and with no other database: how it opens
// a file and keeps it to one serving process, what an error means, and how a batch is
// written in statements that are prepared once.
package sqlite

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

const (
	// busyTimeout bounds one wait of a connection that reads.
	busyTimeout = 2000 * time.Millisecond
	// LockTimeout bounds one wait of the log's connection for the file's lock, for which
	// it tries again.
	LockTimeout = 400 * time.Millisecond
)

// settings are those of every connection.
func settings(busy time.Duration) url.Values {
	return url.Values{
		"_pragma": {
			// Readers do not wait for the writer, nor the writer for them.
			"journal_mode(WAL)",
			// In WAL mode NORMAL would not sync at each commit.
			"synchronous(FULL)",
			"foreign_keys(1)",
			// What is deleted is overwritten, not only forgotten.
			"secure_delete(1)",
			// Commands may write beside the server.
			"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
			// The default of 2 MB does not hold the inner pages of a large log's indexes.
			"cache_size(-16000)",
		},
		// "x" is a column and never, where there is none, a text.
		"_dqs": {"0"},
	}
}

// Pools are the pools of one database. Writing has one connection, which the log
// writes on.
type Pools struct{ Reading, Writing *sqlx.DB }

// Open makes the pools of a file. It opens no file.
func Open(path string) (Pools, error) {
	// A read is work of this process's own processors: more of them at once than there
	// are would only take memory.
	reading, err := open(path, busyTimeout, max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		return Pools{}, err
	}
	writing, err := open(path, LockTimeout, 1)
	return Pools{reading, writing}, err
}

func open(path string, busy time.Duration, connections int) (*sqlx.DB, error) {
	uri, err := address(path, settings(busy))
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return sqlx.NewDb(db, "sqlite"), nil
}

// address is the URI (https://www.sqlite.org/uri.html) of a file with
// settings.
func address(path string, settings url.Values) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding the database file: %w", err)
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") { // C:/… is file:///C:/…
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: settings.Encode()}
	return u.String(), nil
}
