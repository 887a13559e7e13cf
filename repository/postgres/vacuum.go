package postgres

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Vacuum removes the rows of messages as they were before a text was replaced or erased. The
// write-ahead log and the backups lose them with their age. Of a table in which much has
// changed one call does a part: it ends with the pool's time for a statement, and the pages
// that it came through are done with. The indexes, which hold no text, are left to the
// server's own vacuum.
func Vacuum(ctx context.Context, pool *sqlx.DB) error {
	_, err := pool.ExecContext(ctx, `VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF, SKIP_LOCKED) messages`)
	return err
}
