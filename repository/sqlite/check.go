package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	sqlite3 "modernc.org/sqlite/lib"
)

// checkFor bounds how long Whole delays a start. What it has not come to by then is found
// when it is read.
const checkFor = 5 * time.Second

// Whole is nil if the database is not found to be damaged.
func Whole(ctx context.Context, db *sqlx.DB) error {
	within, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	var found string
	err := db.GetContext(within, &found, `PRAGMA quick_check(1)`)
	switch {
	case err != nil && within.Err() != nil && ctx.Err() == nil:
		return nil
	case code(err) == sqlite3.SQLITE_CORRUPT:
		found = err.Error()
	case code(err) == sqlite3.SQLITE_NOTADB:
		return errors.New("the file is no SQLite database: restore a backup")
	case err != nil:
		return fmt.Errorf("checking the file: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("the file is damaged, or its write-ahead log belongs to another: restore a backup (%s)", found)
	}
	return nil
}
