package repository

import (
	"context"
	"database/sql"

	"parley/repository/postgres"
)

// deferred keeps statements back whose outcome decides nothing, until something is asked
// or the transaction is over. PostgreSQL takes them as one message with what is asked, or with
// the commit: behind the head's lock everybody waits for each round trip.
type deferred struct {
	queryer
	d    *dialect
	kept []statement
}

// statement is one that changes something, as its database takes it.
type statement struct {
	query string
	args  []any
}

// take hands over what was kept back, in order.
func (q *deferred) take() []statement {
	kept := q.kept
	q.kept = nil
	return kept
}

// before has what was kept back run before a statement, or as one with it, which it returns
// as it is to be sent.
func (q *deferred) before(ctx context.Context, query string, args []any) (string, []any, error) {
	kept := q.take()
	if len(kept) == 0 {
		return query, args, nil
	}
	return q.d.behind(ctx, q.queryer, kept, statement{query, args})
}

func (q *deferred) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	query, args, err := q.before(ctx, query, args)
	if err != nil {
		return err
	}
	return q.queryer.GetContext(ctx, dest, query, args...)
}

func (q *deferred) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	query, args, err := q.before(ctx, query, args)
	if err != nil {
		return err
	}
	return q.queryer.SelectContext(ctx, dest, query, args...)
}

func (q *deferred) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args, err := q.before(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return q.queryer.ExecContext(ctx, query, args...)
}

// oneByOne runs statements where a round trip costs nothing.
func oneByOne(ctx context.Context, q queryer, statements []statement) error {
	for _, s := range statements {
		if _, err := q.ExecContext(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// inOneText makes one message of statements.
func inOneText(statements []statement) (text postgres.Text, err error) {
	for _, s := range statements {
		if err := text.Statement(s.query, s.args...); err != nil {
			return text, err
		}
	}
	return text, nil
}
