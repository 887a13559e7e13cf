package repository

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"

	"parley/repository/posts"
)

// conn is the connection that the log writes on, of either database.
type conn struct {
	posts.Conn
	// handle runs the SQL of changes on it.
	handle handle
}

// connect opens the connection that the log writes on.
func connect(ctx context.Context, d *dialect, writing *sqlx.DB) (*conn, error) {
	c, q, err := d.connect(ctx, writing)
	if err != nil {
		return nil, err
	}
	return &conn{c, handle{q, d}}, nil
}

// uninterrupted runs no statement whose context has ended, and interrupts none that it
// has begun: to do so the driver would give up the connection. The server bounds each
// statement.
type uninterrupted struct{ queryer }

func (u uninterrupted) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return u.queryer.GetContext(context.WithoutCancel(ctx), dest, query, args...)
}

func (u uninterrupted) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return u.queryer.SelectContext(context.WithoutCancel(ctx), dest, query, args...)
}

func (u uninterrupted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return u.queryer.ExecContext(context.WithoutCancel(ctx), query, args...)
}
