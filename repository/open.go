package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
)

// ErrServed says that another process serves the same SQLite file.
var ErrServed = errors.New("another process serves this database already")

// Options says what to open and how.
type Options struct {
	// URL is "sqlite:" and a path, or "postgres://…".
	URL string
	// Serve makes this the one serving process of a SQLite file; a second one
	// fails with ErrServed. Commands that only change something open without it.
	Serve bool
	// PostKey is the key of the hash by which a repeated post is compared with the
	// first; all instances must have the same.
	PostKey []byte
	// Committed is called by the writer with the events of each commit, in order,
	// before the requests are answered. It must not block. May be nil.
	Committed func([]chat.Event)
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer
	// Log takes what goes wrong behind the requests; nil is slog.Default.
	Log *slog.Logger
}

// Repository is an open database. Its methods may be called by many goroutines
// at once.
type Repository struct {
	dialect *dialect
	pool    *sqlx.DB
	writer  *writer
	postKey []byte
	eraser  *eraser
	// reads counts those that still run, be it behind a caller who gave up.
	reads sync.WaitGroup
}

// Open opens the database, refuses it if it would not keep what it has committed,
// and brings its schema up to date.
func Open(ctx context.Context, o Options) (*Repository, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	var d *dialect
	var pool, writing *sqlx.DB
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		d = sqliteDialect
		dsn := "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(2000)&_pragma=foreign_keys(1)&_dqs=0"
		a, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, err
		}
		b, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, err
		}
		pool, writing = sqlx.NewDb(a, "sqlite"), sqlx.NewDb(b, "sqlite")
	} else {
		d = postgresDialect
		a, err := sql.Open("postgres", o.URL)
		if err != nil {
			return nil, err
		}
		b, err := sql.Open("postgres", o.URL)
		if err != nil {
			return nil, err
		}
		pool, writing = sqlx.NewDb(a, "postgres"), sqlx.NewDb(b, "postgres")
	}
	writing.SetMaxOpenConns(1)
	if err := migrate(ctx, d, writing.DB); err != nil {
		return nil, err
	}
	r := &Repository{
		dialect: d,
		pool:    pool,
		writer:  &writer{db: writing, dialect: d, committed: o.Committed},
		postKey: o.PostKey,
	}
	r.eraser = newEraser(r, o.Log)
	return r, nil
}

// Ready is nil when the database answers within a second.
func (r *Repository) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := read(ctx, r, func(ctx context.Context, h handle) (pos int64, err error) {
		return pos, h.get(ctx, &pos, `SELECT pos FROM head WHERE one = 1`)
	})
	if err != nil {
		return fmt.Errorf("asking the database for the log's head: %w", err)
	}
	return nil
}

// Close waits for the batch in flight and closes the database. Nothing may be
// asked of the Repository afterwards.
func (r *Repository) Close() error {
	r.eraser.close()
	r.reads.Wait()
	return errors.Join(r.writer.db.Close(), r.pool.Close())
}
