package repository

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
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
	// gatherFrom is the least batch behind which the next one is gathered; behind a smaller
	// one it is begun at once.
	gatherFrom = 16
	// gatherWithin is how long a round of gathering may take. A longer one says that others
	// want the processors; then nothing is gathered for gatherPause times as long, so that
	// it takes no more than that part of the time.
	gatherWithin = 300 * time.Microsecond
	gatherPause  = 20
	// maxWaiting bounds the queue. At a tenth of the usual speed it would take
	// longer than writeTimeout to get through, so whoever came behind it would wait
	// in vain.
	maxWaiting = 8192
	// leadWithin is how long the first step may have taken of one who goes on by
	// himself. A step that hangs takes silence and is his last, so he is refused within
	// writeTimeout, too. On SQLite a step is this process's own work: if the disk stands
	// still so does he, and all others are refused in time.
	leadWithin = writeTimeout - silence - 100*time.Millisecond
	// settlePause lies between two tries to learn how a commit ended.
	settlePause = 100 * time.Millisecond
	// writerKept is how long the last batch of a silent writer is kept. Only one that lost a
	// commit's answer needs it, and asks again every settlePause.
	writerKept = 30 * 24 * time.Hour
)

// writer makes all changes of one instance, in one transaction at a time. While
// one is in flight the next batch gathers in the queue: there is no timer.
//
// Who finds nobody writing does it himself, in his own goroutine ([writer.lead]); who
// finds somebody leaves it to the loop ([writer.run]). A lone post so needs no other
// goroutine, which on an idle machine would have to be woken, and wake it in turn.
type writer struct {
	db        *sqlx.DB // holds at most one connection
	dialect   *dialect
	id        string // by which the database knows this writer's batches
	committed func([]chat.Event)
	raised    func(pos int64) // is told of the head behind each commit
	metrics   *metrics
	log       *slog.Logger

	// turn holds a value while nobody writes: nil or, if whoever did could not
	// bring it to an end, what is left of it.
	turn chan *attempt
	// These belong to who has the turn.
	link    link
	batch   int64 // counts attempts to commit
	permits permits
	paused  time.Time // until when nothing is gathered

	wake    chan struct{} // holds one token while there may be something for the loop
	closing chan struct{} // closed by close
	stopped chan struct{} // closed when the loop has returned

	mu     sync.Mutex
	queue  []*request
	closed bool
}

func newWriter(db *sqlx.DB, d *dialect, id string, o Options, raised func(pos int64), m *metrics) *writer {
	return &writer{
		db: db, dialect: d, id: id, committed: o.Committed, raised: raised, metrics: m, log: o.Log,
		turn:    make(chan *attempt, 1),
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
	w.turn <- nil
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

// enqueue puts a request into the queue.
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
	return nil
}

// turnAway refuses everybody who waits in the queue.
func (w *writer) turnAway(err error) {
	w.mu.Lock()
	queue := w.queue
	w.queue = nil
	w.mu.Unlock()
	refuse(queue, err)
}

// rouse makes the loop look what there is.
func (w *writer) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// gather lets those run who are ready to, until nobody more comes: whoever was just
// answered, or has a request to make, is part of the next batch so, and need not wait
// for it. It is for a database that works on a processor of its own, and behind a batch of
// so many that a next one of as many is likely.
func (w *writer) gather(answered int) {
	if !w.dialect.remote || answered < gatherFrom || time.Now().Before(w.paused) {
		return
	}
	for before := -1; ; {
		w.mu.Lock()
		waiting := len(w.queue)
		w.mu.Unlock()
		if waiting == before || waiting >= maxBatch {
			return
		}
		before = waiting
		began := time.Now()
		runtime.Gosched()
		if took := time.Since(began); took > gatherWithin {
			w.paused = time.Now().Add(gatherPause * took)
			return
		}
	}
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

// run is the loop. It returns when the writer is closed and the queue is empty, and
// keeps the turn.
func (w *writer) run() {
	defer close(w.stopped)
	for closing := false; !closing; {
		select {
		case <-w.wake:
		case <-w.closing:
			closing = true
		}
		if left := <-w.turn; left != nil {
			w.finish(left)
			w.conclude(left)
		}
		for batch := w.take(); len(batch) > 0; batch = w.take() {
			w.write(batch)
			w.gather(len(batch))
		}
		if closing {
			w.disconnect()
			return
		}
		w.turn <- nil
	}
}

// lead writes the next batch if nobody writes at present, and otherwise leaves it
// to the loop. What goes wrong or takes long is also the loop's: who leads waits for
// his answer, and not for ever.
func (w *writer) lead() {
	var left *attempt
	select {
	case left = <-w.turn:
	default:
		w.rouse()
		return
	}
	defer func() {
		w.turn <- left
		if left != nil {
			w.rouse()
		}
	}()
	if left != nil {
		return
	}
	if w.link == nil { // a new one takes its time
		w.rouse()
		return
	}
	batch := w.take()
	if len(batch) == 0 {
		return
	}
	a := w.begin(batch)
	if a.err == nil && time.Since(a.began) <= leadWithin {
		w.finish(a)
		if a.err == nil {
			answer(batch)
			return
		}
	}
	left = a
}

// write commits a batch, or finds out what of it can be, and answers it.
func (w *writer) write(batch []*request) {
	a := w.begin(batch)
	w.finish(a)
	w.conclude(a)
}

// conclude answers the requests of an attempt that is over, after another where the head
// had moved or the connection was to blame, and one by one where one of them is.
func (w *writer) conclude(a *attempt) {
	w.settle(a)
	var moved movedError
	if errors.As(a.err, &moved) {
		a.err = w.abort(context.Background(), a.err)
		a = w.again(a)
	}
	if w.dead(a.err) {
		// The connection may have died long ago, of a restart for example. What did
		// not get through it is tried once on a fresh one, if it is still wanted.
		w.log.Warn("the connection to the database is given up", "error", a.err)
		a = w.again(a)
	}
	var unconnected connectError
	switch {
	case a.err == nil:
		answer(a.batch)
	case lost(a.err) || w.dialect.away(a.err) || errors.As(a.err, &unconnected) || errors.Is(a.err, errUnknown):
		w.metrics.up.Set(0)
		w.log.Error("the database did not take a batch", "requests", len(a.batch), "error", a.err)
		refuse(a.batch, chat.ErrUnavailable)
	case len(a.batch) == 1:
		refuse(a.batch, a.err)
	default:
		// It is one request's own fault, and nobody knows whose: alone, it harms no
		// stranger.
		for _, req := range a.batch {
			w.write([]*request{req})
		}
	}
}

// again makes another attempt of one that failed, for those who still wait. It relies
// on nothing that is remembered.
func (w *writer) again(a *attempt) *attempt {
	w.permits.forget()
	batch := present(a.batch)
	if len(batch) == 0 {
		return &attempt{}
	}
	a = w.begin(batch)
	w.finish(a)
	w.settle(a)
	return a
}

// dead says whether err tells of a connection that was there and is of no use.
func (w *writer) dead(err error) bool {
	if err == nil || errors.Is(err, errUnknown) { // what may be stored is not stored again
		return false
	}
	var unconnected connectError
	return lost(err) || w.dialect.spoiled(err) && !w.dialect.away(err) && !errors.As(err, &unconnected)
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
