package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"parley/chat"
)

const (
	// maxBatch bounds what one transaction takes, so that the head's lock is held
	// for milliseconds.
	maxBatch = 512
	// maxBatchText bounds it in bytes, so that a batch of the longest texts does
	// not hold the lock ten times as long as others.
	maxBatchText = 1 << 20
	// maxWaiting bounds the queue. At a tenth of the usual speed it would take
	// longer than writeTimeout to get through, so whoever came behind it would wait
	// in vain.
	maxWaiting = 8192
	// settlePause lies between two tries to learn how a commit ended.
	settlePause = 100 * time.Millisecond
	// writerKept is how long the last batch of a silent writer is kept. Only one that lost a
	// commit's answer needs it, and asks again every settlePause.
	writerKept = 30 * 24 * time.Hour
)

// writer makes all changes of one instance, in one transaction at a time. While
// one is in flight the next batch gathers in the queue: there is no timer.
type writer struct {
	db        *sqlx.DB // holds at most one connection
	dialect   *dialect
	id        string // by which the database knows this writer's batches
	committed func([]chat.Event)
	metrics   *metrics
	log       *slog.Logger

	// link and batch belong to the loop's goroutine.
	link  link
	batch int64 // counts attempts to commit

	wake    chan struct{} // holds one token while the queue may have something
	closing chan struct{} // closed by close
	stopped chan struct{} // closed when the loop has returned

	mu     sync.Mutex
	queue  []*request
	closed bool
}

func newWriter(db *sqlx.DB, d *dialect, id string, o Options, m *metrics) *writer {
	return &writer{
		db: db, dialect: d, id: id, committed: o.Committed, metrics: m, log: o.Log,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// start connects, so that a database that will not do is found at once, and
// begins the loop.
func (w *writer) start(ctx context.Context) error {
	l, err := w.connect(ctx)
	if err != nil {
		return err
	}
	// The batches of writers that are long gone.
	if _, err := l.handle().exec(ctx, `DELETE FROM writers WHERE at < ?`, time.Now().Add(-writerKept).UnixMilli()); err != nil {
		return fmt.Errorf("forgetting old writers: %w", err)
	}
	go w.run()
	return nil
}

// close waits for the batch in flight and for what waits behind it.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.closing)
	}
	w.mu.Unlock()
	<-w.stopped
}

// enqueue hands a request to the loop.
func (w *writer) enqueue(req *request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return chat.ErrUnavailable
	case len(w.queue) >= maxWaiting:
		return chat.ErrBusy
	}
	w.queue = append(w.queue, req)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// take removes the next batch from the queue, without those who gave up.
func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	var batch []*request
	text, n := 0, 0
	for n < len(w.queue) && len(batch) < maxBatch && text < maxBatchText {
		req := w.queue[n]
		n++
		if req.gone.Load() {
			continue
		}
		batch = append(batch, req)
		if req.post != nil {
			text += len(req.post.Text)
		}
	}
	if n == len(w.queue) {
		w.queue = nil
	} else {
		w.queue = w.queue[n:]
	}
	return batch
}

// run is the loop. It returns when the writer is closed and the queue is empty.
func (w *writer) run() {
	defer close(w.stopped)
	defer w.disconnect()
	for {
		if batch := w.take(); len(batch) > 0 {
			w.write(batch)
			continue
		}
		select {
		case <-w.wake:
		case <-w.closing:
			if batch := w.take(); len(batch) > 0 {
				w.write(batch)
				continue
			}
			return
		}
	}
}

// write commits a batch, or finds out what of it can be, and answers it.
func (w *writer) write(batch []*request) {
	err := w.attempt(batch)
	var unconnected connectError
	if err != nil && (lost(err) || w.dialect.spoiled(err) && !w.dialect.away(err) && !errors.As(err, &unconnected)) {
		// The connection may have died long ago, of a restart for example. What did
		// not get through it is tried once on a fresh one, if it is still wanted.
		w.log.Warn("the connection to the database is given up", "error", err)
		if batch = present(batch); len(batch) == 0 {
			return
		}
		err = w.attempt(batch)
	}
	switch {
	case err == nil:
		answer(batch)
	case lost(err) || w.dialect.away(err) || errors.As(err, &unconnected) || errors.Is(err, errUnknown):
		w.metrics.up.Set(0)
		w.log.Error("the database did not take a batch", "requests", len(batch), "error", err)
		refuse(batch, chat.ErrUnavailable)
	case len(batch) == 1:
		refuse(batch, err)
	default:
		// It is one request's own fault, and nobody knows whose: alone, it harms no
		// stranger.
		for _, req := range batch {
			w.write([]*request{req})
		}
	}
}

// attempt runs a batch in one transaction. Without an error the transaction is
// committed, or had nothing to commit, and each request holds its answer; with
// one, nothing of the batch is stored.
func (w *writer) attempt(batch []*request) error {
	ctx := context.Background() // no request's end may undo the others; the connection bounds each step
	began := time.Now()
	l, err := w.connect(ctx)
	if err != nil {
		return err
	}
	w.batch++
	u := &unit{handle: l.handle(), link: l, now: chat.NewTime(began), writer: w.id, batch: w.batch}
	err = u.run(ctx, batch)
	var unknown commitError
	switch {
	case errors.As(err, &unknown):
		w.log.Warn("whether a batch was committed has to be looked up", "error", err)
		committed, unsettled := w.settle(ctx, u.batch)
		if unsettled != nil {
			return unsettled
		}
		if !committed {
			return fmt.Errorf("committing: %w", unknown.error)
		}
	case err != nil || !u.dirty:
		return w.abort(ctx, err)
	}
	w.metrics.committed(u, len(batch), time.Since(began))
	if w.committed != nil && len(u.events) > 0 {
		w.committed(u.events)
	}
	return nil
}

// run runs a batch's requests in the order in which they came, neighbouring posts
// together, and commits them, unless none of them changed anything.
func (u *unit) run(ctx context.Context, batch []*request) error {
	posts := leadingPosts(batch)
	found, known, err := u.link.begin(ctx, postings(posts))
	if err != nil {
		return fmt.Errorf("taking the log's head: %w", err)
	}
	u.found, u.pos = found, found.pos
	for len(batch) > 0 {
		if len(posts) == 0 {
			if err := runOne(ctx, u, batch[0]); err != nil {
				return err
			}
			batch = batch[1:]
		} else {
			batch = batch[len(posts):]
			committed, err := u.post(ctx, posts, known, len(batch) == 0)
			if err != nil || committed {
				return err
			}
		}
		posts, known = leadingPosts(batch), nil
	}
	if !u.dirty {
		return nil
	}
	return u.link.raise(ctx, u)
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
func runOne(ctx context.Context, u *unit, req *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	req.err = req.run(ctx, u)
	var refused *chat.Error
	if req.err != nil && !errors.As(req.err, &refused) {
		return req.err
	}
	return nil
}

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

// settle finds out whether the attempt to commit the given batch succeeded, by
// reading behind the head's lock which batch of this writer's was the last: as long
// as the old transaction could still commit, it holds that lock. It tries until it knows, or
// until the writer is closed; those who asked do not wait so long, but whoever
// follows the log must be told.
func (w *writer) settle(ctx context.Context, batch int64) (committed bool, err error) {
	w.disconnect()
	for {
		last, err := w.lastCommitted(ctx)
		if err == nil {
			return last == batch, nil
		}
		w.metrics.up.Set(0)
		w.log.Warn("how a commit ended is still unknown", "error", err)
		select {
		case <-w.closing:
			return false, errUnknown
		case <-time.After(settlePause):
		}
	}
}

func (w *writer) lastCommitted(ctx context.Context) (batch int64, err error) {
	l, err := w.connect(ctx)
	if err != nil {
		return 0, err
	}
	at, _, err := l.begin(ctx, nil)
	if err != nil || at.writer == w.id {
		return at.batch, w.abort(ctx, err)
	}
	err = l.handle().get(ctx, &batch, `SELECT batch FROM writers WHERE id = ?`, w.id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return batch, w.abort(ctx, err)
}

// connect returns the writer's connection, a new one where the last was lost.
func (w *writer) connect(ctx context.Context) (link, error) {
	if w.link != nil {
		return w.link, nil
	}
	l, err := openLink(ctx, w.db, w.dialect)
	if err != nil {
		return nil, connectError{err}
	}
	w.link = l
	w.metrics.up.Set(1)
	return l, nil
}

func (w *writer) disconnect() {
	if w.link != nil {
		w.link.close()
		w.link = nil
	}
}

// present leaves out the requests that nobody waits for any more.
func present(batch []*request) []*request {
	kept := batch[:0:0]
	for _, req := range batch {
		if !req.gone.Load() {
			kept = append(kept, req)
		}
	}
	return kept
}

func answer(batch []*request) {
	for _, req := range batch {
		req.done <- req.err
	}
}

func refuse(batch []*request, err error) {
	for _, req := range batch {
		req.done <- err
	}
}
