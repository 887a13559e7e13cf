package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"parley/repository/commitlog"
)

// Durable is nil if the connection's commits are on the disk when they return.
func Durable(ctx context.Context, conn sqlx.QueryerContext) error {
	var journal string
	if err := sqlx.GetContext(ctx, conn, &journal, `PRAGMA journal_mode`); err != nil {
		return fmt.Errorf("asking whether commits are durable: %w", err)
	}
	var synchronous int
	if err := sqlx.GetContext(ctx, conn, &synchronous, `PRAGMA synchronous`); err != nil {
		return fmt.Errorf("asking whether commits are durable: %w", err)
	}
	const full = 2
	if !strings.EqualFold(journal, "wal") || synchronous < full {
		return commitlog.NotDurable{Why: fmt.Sprintf("SQLite took journal_mode = %s and synchronous = %d instead of WAL and FULL: is the file on a network disk?", journal, synchronous)}
	}
	return nil
}
