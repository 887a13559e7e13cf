package repository

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"parley/auth"
	"parley/chat"
)

var (
	_ chat.Chats    = (*Repository)(nil)
	_ chat.Messages = (*Repository)(nil)
	_ auth.Store    = (*Repository)(nil)
)

// lockWait is how long who wants a SQLite file for himself waits for a command
// that is just migrating it.
const lockWait = time.Second

// Options says what to open and how.
type Options struct {
	// URL is "sqlite:" and a path, or "postgres://…".
	URL string
	// Serve makes this the one serving process of a SQLite file; a second one
	// fails with ErrServed. Commands that only change something open without it.
	Serve bool
	// PostKey becomes the key of the hash by which a repeated post is compared with
	// the first, unless the database holds one already. Without it nothing can be
	// posted under a ClientID.
	PostKey []byte
	// MaxChats is how many chats a user may be in; 0 is any number.
	MaxChats int
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
	// reading is the pool for whoever reads outside a transaction; statements are those
	// that it has prepared, nil where it prepares none.
	reading    queryer
	statements *statements
	gate       *gate
	writer     *writer
	cleaner    *cleaner
	counter    *counter
	metrics    *metrics
	postKey    []byte
	maxChats   int
	// lock is held by the serving process of a SQLite file.
	lock *fileLock
	// reads counts those that still run, be it behind a caller who gave up.
	reads sync.WaitGroup
}

// Open opens the database, refuses it if it would not keep what it has committed,
// and brings its schema up to date.
func Open(ctx context.Context, o Options) (_ *Repository, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Repository{maxChats: o.MaxChats}
	if r.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, fmt.Errorf("registering the metrics: %w", err)
	}
	writing, err := r.open(ctx, o)
	if err != nil {
		return nil, errors.Join(err, r.closeDatabase(writing))
	}
	r.gate = newGate(r.pool.Stats().MaxOpenConnections)
	r.cleaner = newCleaner(r, o.Log)
	r.counter = newCounter(r, o.Log)
	r.writer = newWriter(writing, r.dialect, rand.Text(), o, r.counter.raised, r.metrics)
	if err := r.writer.start(ctx); err != nil {
		r.writer.disconnect()
		return nil, errors.Join(err, r.closeDatabase(writing))
	}
	r.cleaner.start()
	r.counter.start()
	if o.PostKey != nil {
		if r.postKey, err = r.keepKey(ctx, postHashKey, o.PostKey); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// open opens, locks and migrates what the address names, and returns the writer's
// pool.
func (r *Repository) open(ctx context.Context, o Options) (writing *sqlx.DB, err error) {
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		if path == "" {
			return nil, errors.New("the address of the database is sqlite: and no path")
		}
		r.dialect = sqliteDialect
		if err := makePrivate(path); err != nil {
			return nil, err
		}
		if r.pool, writing, err = openSQLite(path); err != nil {
			return nil, err
		}
		r.statements = newStatements(r.pool)
		r.reading = r.statements.inPool()
		if o.Serve {
			if r.lock, err = lockFile(ctx, path, lockWait); err != nil {
				return writing, err
			}
		}
		return writing, migrateSQLite(ctx, writing.DB, path, o.Serve)
	}
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, errors.New("the address of the database must begin with sqlite: or postgres://")
	}
	r.dialect = postgresDialect
	var migrating *sqlx.DB
	if r.pool, writing, migrating, err = openPostgres(o.URL); err != nil {
		return nil, err
	}
	defer migrating.Close()
	r.reading = r.pool
	if err := migrating.PingContext(ctx); err != nil {
		return writing, fmt.Errorf("connecting to the database: %w", err)
	}
	if err := postgresUnicode(ctx, handle{migrating, r.dialect}); err != nil {
		return writing, err
	}
	return writing, migrate(ctx, r.dialect, migrating.DB)
}

// Ready is nil when the database answers within a second.
func (r *Repository) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := read(ctx, r, func(ctx context.Context, h handle) (int64, error) { return h.head(ctx) })
	if err != nil {
		return fmt.Errorf("asking the database for the log's head: %w", err)
	}
	return nil
}

// Close waits for the batch in flight and closes the database. Nothing may be
// asked of the Repository afterwards.
func (r *Repository) Close() error {
	r.cleaner.close()
	r.counter.close()
	r.writer.close()
	r.reads.Wait()
	return r.closeDatabase(r.writer.db)
}

func (r *Repository) closeDatabase(writing *sqlx.DB) (err error) {
	if writing != nil {
		err = writing.Close()
	}
	if r.pool != nil {
		err = errors.Join(err, r.pool.Close())
	}
	// The lock goes last: who gets it next finds the file closed.
	return errors.Join(err, r.lock.release())
}
