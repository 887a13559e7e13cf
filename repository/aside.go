package repository

import (
	"context"
)

// changer runs statements that change something.
type changer interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
}

// asideInABatch implements dialect.aside where one connection alone may write.
func asideInABatch(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error {
	return r.writer.do(ctx, &request{aside: true, run: func(ctx context.Context, u *unit) error { return fn(ctx, u) }})
}

// asideOfTheWriter implements dialect.aside where several may write at once.
func asideOfTheWriter(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error {
	tx, err := r.pool.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(ctx, handle{tx, r.dialect}); err != nil {
		return err
	}
	return tx.Commit()
}
