package repository

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// sqliteSettings are those of every connection.
var sqliteSettings = url.Values{
	"_pragma": {
		// Readers do not wait for the writer, nor he for them.
		"journal_mode(WAL)",
		// In WAL mode NORMAL would not sync at each commit.
		"synchronous(FULL)",
		"foreign_keys(1)",
		// What is deleted is overwritten, not only forgotten.
		"secure_delete(1)",
		// Commands may write beside the server: whoever is second waits, but not longer
		// than his own caller does.
		"busy_timeout(2000)",
		// The default of 2 MB does not hold the inner pages of a large log's indexes.
		"cache_size(-16000)",
	},
	// "x" is a column and never, where there is none, a text.
	"_dqs": {"0"},
}

// openSQLite makes the two pools of a SQLite database. It opens no file.
func openSQLite(path string) (pool, writing *sqlx.DB, err error) {
	address, err := sqliteAddress(path, sqliteSettings)
	if err != nil {
		return nil, nil, err
	}
	open := func(connections int) *sqlx.DB {
		connector, failed := sqlite.NewConnector(address)
		if failed != nil {
			err = failed
			return nil
		}
		db := sql.OpenDB(connector)
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return sqlx.NewDb(db, "sqlite")
	}
	// A read is work of this process's own processors: more of them at once than
	// there are would only take memory.
	pool = open(max(4, runtime.GOMAXPROCS(0)))
	writing = open(1)
	return pool, writing, err
}

// sqliteAddress is the URI (https://www.sqlite.org/uri.html) of a file with
// settings.
func sqliteAddress(path string, settings url.Values) (string, error) {
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

// sqliteDurable implements dialect.durable.
func sqliteDurable(ctx context.Context, h handle) error {
	var journal string
	if err := h.get(ctx, &journal, `PRAGMA journal_mode`); err != nil {
		return fmt.Errorf("asking whether commits are durable: %w", err)
	}
	var synchronous int
	if err := h.get(ctx, &synchronous, `PRAGMA synchronous`); err != nil {
		return fmt.Errorf("asking whether commits are durable: %w", err)
	}
	const full = 2
	if !strings.EqualFold(journal, "wal") || synchronous < full {
		return errNotDurable{fmt.Sprintf("SQLite took journal_mode = %s and synchronous = %d instead of WAL and FULL: is the file on a network disk?", journal, synchronous)}
	}
	return nil
}
