package repository

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// migrate brings the schema up to the newest step that this program knows, and
// refuses one that is too new for it. On PostgreSQL it waits for another instance that
// migrates; on SQLite the caller holds the file's lock.
func migrate(ctx context.Context, d *dialect, db *sql.DB) error {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d.goose == goose.DialectPostgres {
		options = append(options, goose.WithSessionLocker(advisoryLock{}))
	}
	p, err := goose.NewProvider(d.goose, db, d.migrations, options...)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	// Up is content with a schema that a newer program has made. This one may serve it if its
	// steps say so: during a rolling upgrade an instance of the release before can end, and has
	// to start again.
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if current <= known {
		return nil
	}
	var oldest int64
	if err := db.QueryRowContext(ctx, `SELECT oldest FROM compatibility`).Scan(&oldest); err != nil {
		return fmt.Errorf("reading which programs the schema is for: %w", err)
	}
	if known < oldest {
		return newerSchema(current, known)
	}
	return nil
}

func newerSchema(current, known int64) error {
	return fmt.Errorf("the database has schema version %d, and this program knows only up to %d: start a newer parley", current, known)
}

// newestSchema is the newest schema that this program knows.
func newestSchema(d *dialect, db *sql.DB) (newest int64, err error) {
	sources, err := goose.NewProvider(d.goose, db, d.migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, err
	}
	for _, s := range sources.ListSources() {
		newest = max(newest, s.Version)
	}
	return newest, nil
}

// migrated says whether the schema is the one that this program knows, without
// changing anything.
func migrated(ctx context.Context, d *dialect, db *sql.DB) bool {
	known, err := newestSchema(d, db)
	if err != nil {
		return false
	}
	var current int64
	err = db.QueryRowContext(ctx, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&current)
	return err == nil && current == known
}

// advisoryLock lets one instance migrate at a time, and the others wait for it.
// It ends with the connection, however that ends.
type advisoryLock struct{}

// migrationLock is a number that nobody else uses in this database: "parley" in
// ASCII.
const migrationLock = 0x7061726c6579

// lockPoll lies between two tries to take the lock. A statement that waits for it would
// hold a snapshot, for which CREATE INDEX CONCURRENTLY waits in turn.
const lockPoll = 100 * time.Millisecond

// unbounded lifts the role's time-out that not every server knows; the connection comes
// without the others.
const unbounded = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'`

func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, unbounded); err != nil {
		return fmt.Errorf("lifting the role's time-outs: %w", err)
	}
	for {
		var locked bool
		err := conn.QueryRowContext(ctx, fmt.Sprintf(`SELECT pg_try_advisory_lock(%d)`, int64(migrationLock))).Scan(&locked)
		if err != nil || locked {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf(`SELECT pg_advisory_unlock(%d)`, int64(migrationLock)))
	return err
}
