package repository

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"parley/repository/commitlog"
	"parley/repository/posts"
)

// conn is the connection that the log writes on, of either database.
type conn struct {
	posts.Conn
	// handle runs the SQL of changes on it.
	handle handle
	// finish has what a transaction of changes kept back run, as long as the context lasts, raises
	// the head and commits, with as few round trips as the database allows.
	finish func(ctx context.Context, tx *commitlog.Tx, kept []statement) (commitlog.Outcome, error)
	// beginAsking is Begin and answers a question behind the lock, in one message; nil where a round
	// trip costs nothing. What the database refuses of the question alone is refused.
	beginAsking func(ctx context.Context, q *question) (found commitlog.Head, refused, err error)
}

// connect opens the connection that the log writes on. If it leads to another life of the
// database than the last one did, the log jumps before anything else is written.
func connect(ctx context.Context, r *Repository) (*conn, error) {
	c, life, err := r.dialect.connect(ctx, r)
	if err != nil {
		return nil, err
	}
	if life == "" {
		return c, nil
	}
	if err := r.resumeOn(ctx, c, life); err != nil {
		c.Close()
		return nil, fmt.Errorf("beginning a new life of the database: %w", err)
	}
	return c, nil
}

// uninterrupted begins no statement that could outlast its context, and interrupts none
// that it has begun: to do so the driver would give up the connection. The server bounds
// each statement.
type uninterrupted struct{ queryer }

func (u uninterrupted) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := leavesTime(ctx); err != nil {
		return err
	}
	return u.queryer.GetContext(context.WithoutCancel(ctx), dest, query, args...)
}

func (u uninterrupted) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := leavesTime(ctx); err != nil {
		return err
	}
	return u.queryer.SelectContext(context.WithoutCancel(ctx), dest, query, args...)
}

func (u uninterrupted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := leavesTime(ctx); err != nil {
		return nil, err
	}
	return u.queryer.ExecContext(context.WithoutCancel(ctx), query, args...)
}

// leavesTime is nil if there is time for one more statement.
func leavesTime(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < commitlog.StatementFor {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
