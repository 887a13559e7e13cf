package repository

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"parley/repository/commitlog"
)

// A restore brings back an older state of the database, and so does a failover to a standby
// that lagged behind. Positions that it does not know of were handed out to clients, and must
// not be given to other events. Every life of the database therefore has an identity, which is
// kept in it, and the service finds out by itself which one it has before it: at its start,
// and on PostgreSQL with every new connection that the log writes on. Where that is another
// one, or cannot be found, the log jumps.

// resume makes the log jump unless the database is known to go on where the service left
// it. found is the identity of what lies there, empty if it is unknown. It is called before
// anything else is written.
func (r *Repository) resume(ctx context.Context, found string) error {
	if found != "" {
		known, err := read(ctx, r, func(ctx context.Context, h handle) (bool, error) { return h.knows(ctx, found) })
		if err != nil || known {
			return err
		}
	}
	_, err := write(ctx, r, "", func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		return none, tx.beginLife(ctx, found)
	})
	if err != nil {
		return fmt.Errorf("beginning a new life of the database: %w", err)
	}
	return nil
}

// newResumer makes the job that lets a new life of the database begin while nobody writes: a
// change that changes nothing brings the log to its new connection.
func newResumer(r *Repository, log *slog.Logger) *backgroundJob {
	return newBackgroundJob("beginning a new life of the database", log, func(ctx context.Context) error {
		return r.changes.Do(ctx, &change{beside: true, run: func(context.Context, *transaction) error { return nil }})
	})
}

// resumeOn is resume for a new connection to PostgreSQL, on which nothing is written yet.
func (r *Repository) resumeOn(ctx context.Context, c *conn, found string) error {
	r.peopled.Store(false) // this life may be older than the last
	known, err := c.handle.knows(ctx, found)
	if err != nil || known {
		return err
	}
	at, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	// The writer is another than the log's: the last batch of that, which the log may yet have
	// to look up, stays the last.
	batch := &commitlog.Tx{Began: time.Now(), Writer: rand.Text(), Batch: 1}
	batch.Follow(at)
	tx := newTransaction(c.handle, batch.Began, batch.Pos)
	if err := tx.beginLife(ctx, found); err != nil {
		return err
	}
	if !tx.dirty {
		return c.Rollback(ctx)
	}
	batch.Pos = tx.pos
	if _, err := c.finish(ctx, batch, tx.deferred.take()); err != nil {
		return err
	}
	r.publish(tx.events)
	return nil
}

// beginLife makes the log jump and notes the identity, unless another instance has come first.
func (tx *transaction) beginLife(ctx context.Context, found string) error {
	if found != "" {
		if known, err := tx.knows(ctx, found); known || err != nil {
			return err
		}
	}
	first, err := tx.knows(ctx, "")
	if err != nil {
		return err
	}
	tx.later(`UPDATE life SET identity = ? WHERE one = 1`, found)
	if tx.pos > 0 && !(first && tx.d.firstGoesOn) {
		_, err = tx.jump()
	}
	return err
}

// knows says that an identity is the one that the database has.
func (h handle) knows(ctx context.Context, identity string) (bool, error) {
	return h.exists(ctx, `SELECT 1 FROM life WHERE one = 1 AND identity = ?`, identity)
}

// Life names the life of the database in which the newest connection was made: the same for
// all instances that are on it, and another one behind a failover. It is empty on SQLite.
func (r *Repository) Life() string {
	if r.lives == nil {
		return ""
	}
	return r.lives.Current()
}
