package repository

import (
	"context"
	"database/sql"
)

// changer runs statements that change something.
type changer interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
}

// besideInABatch implements dialect.beside where one connection alone may write.
func besideInABatch(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error {
	return r.changes.Do(ctx, &change{beside: true, run: func(ctx context.Context, tx *transaction) error { return fn(ctx, tx) }})
}

// besideTheLog implements dialect.beside where several connections may write at once.
func besideTheLog(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error {
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
