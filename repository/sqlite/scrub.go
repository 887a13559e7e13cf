package sqlite

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

// EmptyLog moves all pages of the write-ahead log into the database and cuts the log off.
// Until then the log keeps pages as they were before a text was erased.
func EmptyLog(ctx context.Context, pool *sqlx.DB) (err error) {
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
