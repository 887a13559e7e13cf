package postgres

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/jmoiron/sqlx"
)

// vacuumWait bounds how long Vacuum waits for the table's lock. It is less than the second
// (deadlock_timeout) after which the server would break off its own vacuum for it.
const vacuumWait = 100 * time.Millisecond

// Vacuum removes the rows of messages as they were before a text was replaced or erased. The
// write-ahead log and the backups lose them with their age. Of a table in which much has
// changed one call does a part: it ends with the pool's time for a statement, and the pages
// that it came through are done with. The indexes, which hold no text, are left to the
// server's own vacuum. While that has the table, or another instance, Vacuum fails: they may
// have passed the row already. Reads and writes do not wait behind it.
func Vacuum(ctx context.Context, pool *sqlx.DB) error {
	conn, err := pool.Connx(ctx)
	if err != nil {
		return err
	}
	defer discard(conn) // its time-out is not the pool's
	if _, err := conn.ExecContext(ctx, `SET lock_timeout = '`+milliseconds(vacuumWait)+`'`); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) messages`)
	return err
}

// discard closes a connection that does not go back to its pool.
func discard(c *sqlx.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.Close()
}
