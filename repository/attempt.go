package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"parley/chat"
)

// attempt is a transaction that is to store a batch.
type attempt struct {
	batch []*request
	began time.Time
	// transaction is nil if there was no connection.
	transaction *transaction
	// known is what the posts that the batch begins with are decided by.
	known []facts
	// err is why nothing of the batch is stored or, if it is a commitError, why that
	// is not known. Without one each request holds its answer when the attempt is
	// finished.
	err error
}

// begin opens the transaction and takes the head's lock, or puts both off.
func (w *writer) begin(batch []*request) *attempt {
	ctx := context.Background() // no request's end may undo the others; the connection bounds each step
	a := &attempt{batch: batch, began: time.Now()}
	l, err := w.connect(ctx)
	if err != nil {
		a.err = err
		return a
	}
	w.batch++
	a.transaction = &transaction{handle: l.handle(), link: l, now: chat.NewTime(a.began), writer: w.id, batch: w.batch}
	first := postings(leadingPosts(batch))
	recalled := w.permits.recall(first)
	if w.dialect.remote && len(first) == len(batch) && decided(first) {
		a.transaction.found, a.transaction.alone, a.transaction.putOff = w.permits.head, true, true
		a.known = remembered(first)
		return a
	}
	a.transaction.found, a.known, err = l.begin(ctx, first)
	if err == nil {
		a.transaction.alone = w.permits.check(a.transaction.found)
		if recalled && !a.transaction.alone {
			w.permits.recall(first)
			a.known, err = l.load(ctx, first)
		}
	}
	if err != nil {
		a.err = w.abort(ctx, fmt.Errorf("taking the log's head: %w", err))
	}
	return a
}

// finish runs the requests of an attempt that began well, and commits.
func (w *writer) finish(a *attempt) {
	if a.err != nil {
		return
	}
	ctx := context.Background()
	err := a.transaction.run(ctx, a.batch, a.known)
	var unknown commitError
	var moved movedError
	switch {
	case errors.As(err, &unknown), errors.As(err, &moved):
		// What is to be done about it may take as long again, and a caller who leads has waited.
		a.err = err
	case err != nil || !a.transaction.dirty:
		a.err = w.abort(ctx, err)
	default:
		w.publish(a)
	}
}

// publish tells of an attempt that is committed.
func (w *writer) publish(a *attempt) {
	w.permits.keep(a.transaction, a.batch)
	w.metrics.committed(a.transaction, len(a.batch), time.Since(a.began))
	if w.committed != nil && len(a.transaction.events) > 0 {
		w.committed(a.transaction.events)
	}
	w.raised(a.transaction.pos)
}

// run runs a batch's requests in the order in which they came, neighbouring posts
// together, and commits them, unless none of them changed anything. known is what
// the posts that it begins with are decided by. After a panic it is not known what
// has become of the transaction.
func (tx *transaction) run(ctx context.Context, batch []*request, known []facts) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = commitError{panicked(p)}
		}
	}()
	tx.pos = tx.found.pos
	for posts := leadingPosts(batch); len(batch) > 0; posts, known = leadingPosts(batch), nil {
		if len(posts) == 0 {
			if err := runOne(ctx, tx, batch[0]); err != nil {
				return err
			}
			batch = batch[1:]
			continue
		}
		batch = batch[len(posts):]
		committed, err := tx.post(ctx, posts, known, len(batch) == 0)
		if err != nil || committed {
			return err
		}
	}
	if !tx.dirty {
		return nil
	}
	return tx.link.raise(ctx, tx)
}

// leadingPosts are the posts that a batch begins with.
func leadingPosts(batch []*request) []*request {
	n := 0
	for n < len(batch) && batch[n].post != nil {
		n++
	}
	return batch[:n]
}

// runOne runs one request that is not a post. A panic in it is an error like
// another: it must not take the requests of strangers down with it.
func runOne(ctx context.Context, tx *transaction, req *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	req.err = req.run(ctx, tx)
	var refused *chat.Error
	if req.err != nil && !errors.As(req.err, &refused) {
		return req.err
	}
	return nil
}

func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// abort undoes the transaction and passes err on. A connection on which that
// fails is given up, and so is one that is spoiled; what was begun on it ends
// with it.
func (w *writer) abort(ctx context.Context, err error) error {
	if err != nil && (lost(err) || w.dialect.spoiled(err)) {
		w.disconnect()
		return err
	}
	if failed := w.link.rollback(ctx); failed != nil {
		w.disconnect()
	}
	return err
}

// settle finds out how an attempt ended of which that is not known.
func (w *writer) settle(a *attempt) {
	var unknown commitError
	if !errors.As(a.err, &unknown) {
		return
	}
	w.log.Warn("whether a batch was committed has to be looked up", "error", a.err)
	committed, err := w.lookUp(context.Background(), a.transaction)
	switch {
	case err != nil:
		a.err = err
	case !committed:
		a.err = fmt.Errorf("committing: %w", unknown.error)
	default:
		a.err = nil
		w.publish(a)
	}
}

// lookUp finds out whether a transaction was committed. It tries until it knows, or until the
// writer is closed; those who asked do not wait so long, but whoever follows the log must be
// told. From the second failure on, whoever waits for the writer meanwhile is refused.
func (w *writer) lookUp(ctx context.Context, of *transaction) (committed bool, err error) {
	w.disconnect()
	for failed := 0; ; {
		committed, err := w.wasCommitted(ctx, of)
		if err == nil {
			return committed, nil
		}
		w.metrics.up.Set(0)
		if failed++; failed == 1 {
			w.log.Warn("how a commit ended is still unknown, and asked again until it is known", "error", err)
		} else {
			w.turnAway(chat.ErrUnavailable)
		}
		select {
		case <-w.closing:
			return false, errUnknown
		case <-time.After(settlePause):
		}
	}
}

// wasCommitted says whether a transaction was committed, by reading behind the head's lock which
// batch of this writer's was the last. As long as the transaction could still
// commit, it held that lock. But one that was put off may be on its way yet: if the head is
// where that would go on, it is raised here, so that it finds another.
func (w *writer) wasCommitted(ctx context.Context, of *transaction) (bool, error) {
	l, err := w.connect(ctx)
	if err != nil {
		return false, err
	}
	at, _, err := l.begin(ctx, nil)
	switch {
	case err != nil:
		return false, w.abort(ctx, err)
	case of.putOff && at.is(of.found):
		return false, w.fence(ctx, at)
	case at.writer == w.id:
		return at.batch == of.batch, w.abort(ctx, nil)
	}
	var last int64
	err = l.handle().get(ctx, &last, `SELECT batch FROM writers WHERE id = ?`, w.id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last == of.batch, w.abort(ctx, err)
}

// fence commits the transaction that found the head there, with nothing but another
// batch in it.
func (w *writer) fence(ctx context.Context, at head) error {
	w.batch++
	err := w.link.raise(ctx, &transaction{pos: at.pos, found: at, writer: w.id, batch: w.batch})
	if err != nil {
		w.disconnect()
	}
	return err
}
