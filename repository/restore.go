package repository

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"parley/repository/sqlite"
)

// RestoreSQLite puts a backup in the place of the database at path, which nothing may serve
// (ErrServed), and returns under which name the latter is kept; empty if there was none. A
// backup that is damaged, or that this program does not know, changes nothing. The log jumps
// when the database is opened next.
func RestoreSQLite(ctx context.Context, path, backup string) (kept string, err error) {
	lock, err := sqlite.LockFile(ctx, path, lockWait)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	kept, err = sqlite.Replace(ctx, path, backup, isParleys)
	if err != nil {
		return kept, fmt.Errorf("restoring %s: %w", backup, err)
	}
	return kept, nil
}

// isParleys is nil if a database has a schema that this program can bring up to date.
func isParleys(ctx context.Context, db *sqlx.DB) error {
	var current int64
	err := db.GetContext(ctx, &current, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if err == nil {
		_, err = handle{db, sqliteDialect}.head(ctx)
	}
	if err != nil {
		return fmt.Errorf("this is no database of parley: %w", err)
	}
	known, err := newestSchema(sqliteDialect, db.DB)
	if err == nil && current > known {
		err = newerSchema(current, known)
	}
	return err
}
