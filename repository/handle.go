package repository

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// queryer is what a pool, a connection and a transaction have in common.
type queryer interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// handle runs SQL that is written once for both databases, with a ? for each
// argument. It is the same thing in a transaction and out of one.
type handle struct {
	q queryer
	d *dialect
}

// get reads one row into dest, which is a pointer to a struct or to a single
// value. No row is sql.ErrNoRows.
func (h handle) get(ctx context.Context, dest any, query string, args ...any) error {
	return h.q.GetContext(ctx, dest, h.d.rebind(query), args...)
}

// all reads every row into dest, which is a pointer to a slice.
func (h handle) all(ctx context.Context, dest any, query string, args ...any) error {
	return h.q.SelectContext(ctx, dest, h.d.rebind(query), args...)
}

// exec runs a statement that answers no rows and says how many rows it changed.
func (h handle) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := h.q.ExecContext(ctx, h.d.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// head is the position of the log's newest event.
func (h handle) head(ctx context.Context) (pos int64, err error) {
	err = h.get(ctx, &pos, `SELECT pos FROM head WHERE one = 1`)
	return pos, err
}

// nullable is s for a column that is NULL where there is nothing to say.
func nullable(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
