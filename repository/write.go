package repository

import "context"

// write runs fn within a batch of the writer and returns what it returned, once
// that is committed. It returns a *chat.Error of fn as it is: by it fn refuses,
// and must have written nothing; the rest of the batch goes on. With any other
// error the batch is undone and each of its requests tried again alone.
//
// So fn may run more than once, and may still run after write has given up on it
// (the context ended, or 3 s passed: chat.ErrUnavailable). It must therefore
// hand out what it found by its result alone and assign to nothing outside.
func write[T any](ctx context.Context, r *Repository, fn func(ctx context.Context, u *unit) (T, error)) (T, error) {
	var out, none T
	err := r.writer.do(ctx, &request{run: func(ctx context.Context, u *unit) (err error) {
		out, err = fn(ctx, u)
		return err
	}})
	if err != nil {
		return none, err
	}
	return out, nil
}
