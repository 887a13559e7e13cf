package postgres

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"parley/repository/commitlog"
)

// Durable is nil if the connection's commits are on the disk when they return.
func Durable(ctx context.Context, conn sqlx.QueryerContext) error {
	var is struct {
		Fsync  string `db:"fsync"`
		Commit string `db:"commit"`
		Pages  string `db:"pages"`
	}
	err := sqlx.GetContext(ctx, conn, &is, `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
		current_setting('full_page_writes') AS pages`)
	switch {
	case err != nil:
		return fmt.Errorf("asking whether commits are durable: %w", err)
	case is.Fsync != "on":
		return commitlog.NotDurable{Why: "PostgreSQL runs with fsync = " + is.Fsync + ": a power cut would lose answered messages; set it to on"}
	case is.Commit == "off":
		return commitlog.NotDurable{Why: "PostgreSQL runs with synchronous_commit = off: a crash would lose answered messages; set it to on"}
	case is.Pages != "on":
		return commitlog.NotDurable{Why: "PostgreSQL runs with full_page_writes = " + is.Pages + ": a power cut could damage the database; set it to on"}
	}
	return nil
}

// Unicode is nil if the database can keep every text that can be posted. A database's
// encoding never changes, so once is enough.
func Unicode(ctx context.Context, db sqlx.QueryerContext) error {
	var encoding string
	if err := sqlx.GetContext(ctx, db, &encoding, `SELECT current_setting('server_encoding')`); err != nil {
		return fmt.Errorf("asking for the database's encoding: %w", err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, which cannot keep every text: "+
			"make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}
