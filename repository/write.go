package repository

import (
	"context"
	"sync/atomic"
	"time"

	"parley/chat"
)

// writeTimeout bounds how long a request waits for its answer, whatever the
// writer is doing, so that its caller has one within the 3 s that are promised.
const writeTimeout = 2800 * time.Millisecond

// request is one change that waits for the writer: a post, or anything else.
type request struct {
	post *posting
	run  func(ctx context.Context, u *transaction) error
	// beside says that nothing changes by which posts are decided.
	beside bool

	// err is the request's own refusal; the writer's until it is sent on done.
	err error
	// done takes the one answer.
	done chan error
	// gone says that nobody waits for the answer. What the writer has not begun
	// then is not begun.
	gone atomic.Bool
}

// write runs fn within a batch of the writer and returns what it returned, once
// that is committed. It returns a *chat.Error of fn as it is: by it fn refuses,
// and must have written nothing; the rest of the batch goes on. With any other
// error the batch is undone and each of its requests tried again alone.
//
// So fn may run more than once, and may still run after write has given up on it
// (the context ended, or 3 s passed: chat.ErrUnavailable). It must therefore
// hand out what it found by its result alone and assign to nothing outside. And
// everybody waits behind it: it decides and writes, and reads no more than it needs
// for that. Where it writes nothing, nothing is committed.
func write[T any](ctx context.Context, r *Repository, fn func(ctx context.Context, u *transaction) (T, error)) (T, error) {
	var out, none T
	err := r.writer.do(ctx, &request{run: func(ctx context.Context, tx *transaction) (err error) {
		out, err = fn(ctx, tx)
		return err
	}})
	if err != nil {
		return none, err
	}
	return out, nil
}

// changesPermits says whether the request may change who may post where.
func (req *request) changesPermits() bool { return req.post == nil && !req.beside }

// do waits for the request's answer. What the request carries belongs to the
// writer until then, and for ever if do gave up.
func (w *writer) do(ctx context.Context, req *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	req.done = make(chan error, 1)
	if err := w.enqueue(req); err != nil {
		return err
	}
	began := time.Now()
	w.lead()
	select {
	case err := <-req.done: // he led
		return err
	default:
	}
	timer := time.NewTimer(writeTimeout - time.Since(began))
	defer timer.Stop()
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		req.gone.Store(true)
		return ctx.Err()
	case <-timer.C:
		req.gone.Store(true)
		return chat.ErrUnavailable
	}
}
