package repository

import (
	"context"
	"database/sql"
)

// deferred keeps statements back whose outcome decides nothing, until something is asked
// or the change is over. PostgreSQL takes them as one message: behind the head's lock
// everybody waits for each round trip.
type deferred struct {
	queryer
	d    *dialect
	kept []statement
}

// statement is one that changes something.
type statement struct {
	query string
	args  []any
}

// flush runs what was kept back, in order.
func (q *deferred) flush(ctx context.Context) error {
	kept := q.kept
	q.kept = nil
	if len(kept) == 0 {
		return nil
	}
	return q.d.run(ctx, handle{q.queryer, q.d}, kept)
}

func (q *deferred) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := q.flush(ctx); err != nil {
		return err
	}
	return q.queryer.GetContext(ctx, dest, query, args...)
}

func (q *deferred) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := q.flush(ctx); err != nil {
		return err
	}
	return q.queryer.SelectContext(ctx, dest, query, args...)
}

func (q *deferred) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := q.flush(ctx); err != nil {
		return nil, err
	}
	return q.queryer.ExecContext(ctx, query, args...)
}

// oneByOne runs statements where a round trip costs nothing.
func oneByOne(ctx context.Context, h handle, statements []statement) error {
	for _, s := range statements {
		if _, err := h.exec(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}
