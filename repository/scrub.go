package repository

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// errLogInUse says that a reader still needs what is in SQLite's write-ahead log.
var errLogInUse = errors.New("a reader needs the write-ahead log")

// scrubWait bounds how long emptying the log waits for readers, in milliseconds. No write
// goes on meanwhile.
const scrubWait = 50

// emptyLog implements dialect.scrub for SQLite, whose write-ahead log keeps pages as they
// were before a text was erased. It moves all pages into the database and cuts the log off.
func emptyLog(ctx context.Context, pool *sqlx.DB) (err error) {
	conn, err := pool.Connx(ctx)
	if err != nil {
		return err
	}
	// The connection's own time-out would hold up posts for seconds.
	defer discard(conn)
	if _, err := conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, scrubWait)); err != nil {
		return err
	}
	var done struct{ Busy, Log, Checkpointed int }
	if err := conn.GetContext(ctx, &done, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return err
	}
	if done.Busy != 0 {
		return errLogInUse
	}
	return nil
}

// leaveLog implements dialect.scrub for PostgreSQL, which removes what is erased by itself:
// from the tables with VACUUM, from its log and the backups with their age.
func leaveLog(context.Context, *sqlx.DB) error { return nil }
