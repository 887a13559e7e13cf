package repository

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"parley/chat"
	"parley/repository/commitlog"
)

// readTimeout bounds a read, so that its caller is answered within the 3 s that
// are promised.
const readTimeout = 2500 * time.Millisecond

// read runs fn on a connection of the reading pool. fn may still run after read
// has given up on it (chat.ErrUnavailable); it must hand out what it found by its
// result alone and assign to nothing outside. A *chat.Error and sql.ErrNoRows
// come back as they are.
func read[T any](ctx context.Context, r *Repository, fn func(ctx context.Context, h handle) (T, error)) (T, error) {
	return bounded(ctx, r, share{}, func(ctx context.Context) (T, error) {
		return fn(ctx, handle{r.reading, r.dialect})
	})
}

// readAs is read on behalf of an actor, within that user's share of the connections.
func readAs[T any](ctx context.Context, r *Repository, actor chat.Actor, fn func(ctx context.Context, h handle) (T, error)) (T, error) {
	return readRows(ctx, r, actor, 1, fn)
}

// readRows is readAs for up to so many rows.
func readRows[T any](ctx context.Context, r *Repository, actor chat.Actor, rows int, fn func(ctx context.Context, h handle) (T, error)) (T, error) {
	return bounded(ctx, r, share{actor.Username, rows}, func(ctx context.Context) (T, error) {
		return fn(ctx, handle{r.reading, r.dialect})
	})
}

// snapshot is readAs, and everything that fn reads is of one moment. To begin and to end
// that takes a round trip each, which a single statement does not need.
func snapshot[T any](ctx context.Context, r *Repository, actor chat.Actor, fn func(ctx context.Context, h handle) (T, error)) (T, error) {
	return snapshotRows(ctx, r, actor, 1, fn)
}

// snapshotRows is snapshot for up to so many rows.
func snapshotRows[T any](ctx context.Context, r *Repository, actor chat.Actor, rows int, fn func(ctx context.Context, h handle) (T, error)) (T, error) {
	return bounded(ctx, r, share{actor.Username, rows}, func(ctx context.Context) (out T, err error) {
		tx, err := r.pool.BeginTxx(ctx, &sql.TxOptions{Isolation: r.dialect.snapshot, ReadOnly: true})
		if err != nil {
			return out, err
		}
		q := queryer(tx)
		if r.statements != nil {
			var fresh *[]string
			q, fresh = r.statements.inTx(tx)
			defer func() { r.prepareFresh(*fresh) }()
		}
		defer tx.Rollback()
		return fn(ctx, handle{q, r.dialect})
	})
}

// share is whose share of the connections a read is of, and up to how many rows it asks for; 0
// is one. Without a user it is that of all reads without an actor.
type share struct {
	user string
	rows int
}

// bounded returns when fn does or when the time is up, whichever is first: a
// connection to a frozen server does not heed its context. Its share of the connections is
// given back when fn has returned.
func bounded[T any](ctx context.Context, r *Repository, of share, fn func(ctx context.Context) (T, error)) (T, error) {
	type result struct {
		out T
		err error
	}
	done := make(chan result, 1)
	within, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var none T
	if err := r.file.moved(); err != nil {
		return none, chat.ErrUnavailable
	}
	if err := r.gate.enter(within, of.user, placesOf(of.rows)); err != nil {
		return none, r.dialect.refusal(ctx, err)
	}
	r.reads.Add(1)
	go func() {
		defer r.reads.Done()
		out, err := recovered(within, fn)
		r.gate.leave(of.user, placesOf(of.rows))
		done <- result{out, err}
	}()
	select {
	case res := <-done:
		if res.err != nil {
			r.file.note(res.err)
			err := r.dialect.refusal(ctx, res.err)
			if errors.Is(err, chat.ErrUnavailable) {
				r.metrics.log.Up.Set(0)
			}
			return none, err
		}
		r.metrics.log.Up.Set(1)
		return res.out, nil
	case <-within.Done():
		if err := ctx.Err(); err != nil {
			return none, err
		}
		r.metrics.log.Up.Set(0)
		return none, chat.ErrUnavailable
	}
}

// recovered runs fn and makes an error of a panic, which in a goroutine of its own would
// end the process and everything that strangers do in it.
func recovered[T any](ctx context.Context, fn func(ctx context.Context) (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = commitlog.Panicked(p)
		}
	}()
	return fn(ctx)
}
