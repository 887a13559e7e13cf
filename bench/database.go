package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"  // the plain way on PostgreSQL, and the seeds
	_ "modernc.org/sqlite" // the same on SQLite

	"parley/e2e/need"
	"parley/repository"
)

// engine is one of the two databases: it makes new, empty ones.
type engine struct {
	name string
	// make returns the address of a new database, as repository.Open takes it, and
	// what removes it.
	make func() (address string, remove func() error, err error)
	// connect opens a database beside parley.
	connect func(address string) (*sqlx.DB, error)
	// settled does what the database does by itself once a flood of rows has come
	// to rest.
	settled []string
	version string
	// process is the database server's, where it has one and it runs on this machine;
	// else 0.
	process int
	plain   *plain
	close   func() error
}

// database is a new database with parley's schema and the seed's rows in it.
type database struct {
	engine  *engine
	address string
	seed    seed
	remove  func() error
}

// newDatabase makes and fills a database.
func (e *engine) newDatabase(ctx context.Context, s seed) (_ *database, err error) {
	address, remove, err := e.make()
	if err != nil {
		return nil, fmt.Errorf("making a database: %w", err)
	}
	db := &database{engine: e, address: address, seed: s, remove: remove}
	if err := db.fill(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("filling a database: %w", err), remove())
	}
	return db, nil
}

// fill lets parley make its schema, and then inserts the seed.
func (db *database) fill(ctx context.Context) error {
	repo, err := db.open(ctx)
	if err != nil {
		return err
	}
	if err := repo.Close(); err != nil {
		return err
	}
	direct, err := db.engine.connect(db.address)
	if err != nil {
		return err
	}
	defer direct.Close()
	if err := db.seed.insert(ctx, direct); err != nil {
		return err
	}
	for _, statement := range db.engine.settled {
		if _, err := direct.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// postKey is the key of the post hash in every database here.
var postKey = []byte("a key of the benchmark's own alone")

func (db *database) open(ctx context.Context) (*repository.Repository, error) {
	return repository.Open(ctx, repository.Options{URL: db.address, PostKey: postKey})
}

// patience bounds what is no measurement: seeding millions of messages above all.
const patience = 20 * time.Minute

// sqliteEngine makes databases in a folder.
func sqliteEngine(ctx context.Context, folder string) (*engine, error) {
	e := &engine{
		name: "SQLite",
		make: func() (string, func() error, error) {
			dir, err := os.MkdirTemp(folder, "sqlite-")
			return "sqlite:" + filepath.Join(dir, "parley.db"), func() error { return os.RemoveAll(dir) }, err
		},
		connect: func(address string) (*sqlx.DB, error) {
			path := address[len("sqlite:"):]
			settings := url.Values{
				"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(2000)", "cache_size(-16000)"},
				"_txlock": {"immediate"},
			}
			db, err := sqlx.Open("sqlite", "file:"+path+"?"+settings.Encode())
			if err == nil {
				db.SetMaxOpenConns(1)
			}
			return db, err
		},
		settled: []string{`PRAGMA wal_checkpoint(TRUNCATE)`},
		plain:   plainSQLite,
		close:   func() error { return nil },
	}
	memory, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	return e, memory.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&e.version)
}

// postgresEngine makes databases on a server.
func postgresEngine(ctx context.Context) (*engine, error) {
	server, err := need.StartServer()
	if err != nil {
		return nil, err
	}
	e := &engine{
		name: "PostgreSQL",
		make: server.Database,
		connect: func(address string) (*sqlx.DB, error) {
			u, err := url.Parse(address)
			if err != nil {
				return nil, err
			}
			// As parley does: arguments travel with their statement.
			q := u.Query()
			q.Set("binary_parameters", "yes")
			u.RawQuery = q.Encode()
			return sqlx.Open("postgres", u.String())
		},
		settled: []string{`VACUUM (ANALYZE)`, `CHECKPOINT`},
		plain:   plainPostgres,
		close:   server.Close,
	}
	if err := e.askVersion(ctx); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return e, nil
}

func (e *engine) askVersion(ctx context.Context) error {
	address, remove, err := e.make()
	if err != nil {
		return err
	}
	db, err := e.connect(address)
	if err != nil {
		return errors.Join(err, remove())
	}
	var backend int
	if err := db.GetContext(ctx, &backend, `SELECT pg_backend_pid()`); err != nil {
		return errors.Join(err, db.Close(), remove())
	}
	// Of a server on another machine there is no such process here.
	if s, err := statOf(backend); err == nil && strings.HasPrefix(s.name, "postgres") {
		e.process = s.parent
	}
	err = db.GetContext(ctx, &e.version, `SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync')
		|| ', synchronous_commit ' || current_setting('synchronous_commit')`)
	return errors.Join(err, db.Close(), remove())
}
