package repository

import (
	"context"
	"database/sql"
)

// changer runs statements that change something.
type changer interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
}

// besideInABatch implements dialect.beside where one connection alone may write. It takes no
// place of those who read: they would wait for the log, too.
func besideInABatch(ctx context.Context, r *Repository, whose string, fn func(ctx context.Context, c changer) error) error {
	run := func(ctx context.Context, tx *transaction) error { return fn(ctx, tx) }
	return r.changes.Do(ctx, &change{whose: whose, beside: true, run: run})
}

// besideTheLog implements dialect.beside where several connections may write at once: a user's
// changes are within that user's share of them.
func besideTheLog(ctx context.Context, r *Repository, whose string, fn func(ctx context.Context, c changer) error) error {
	if whose == "" {
		return inAnotherTransaction(ctx, r, fn)
	}
	_, err := bounded(ctx, r, share{user: whose}, func(ctx context.Context) (none struct{}, err error) {
		return none, inAnotherTransaction(ctx, r, fn)
	})
	return err
}

func inAnotherTransaction(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error {
	tx, err := r.pool.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(ctx, handle{tx, r.dialect}); err != nil {
		return err
	}
	return tx.Commit()
}
