package commitlog

import (
	"context"
	"runtime"
	"time"
)

// Steps are what a lane does in a transaction. The goroutine that leads calls them, one
// at a time.
type Steps[C Conn, R any] interface {
	// Begin begins the transaction on conn, takes the head's lock and calls tx.Follow; it
	// may read what the batch is decided by in the same message. Or it calls tx.Expect and
	// leaves everything to Run. Some of the batch may be given up by the time that Run is
	// called.
	Begin(ctx context.Context, conn C, tx *Tx, batch []R) error
	// Joins says, behind the lock, whether a request that was queued while the lock was waited
	// for can still be part of the batch: everything that it is decided by is known.
	Joins(work R) bool
	// Run claims requests of the batch, decides them, stores and commits. The outcome is
	// Committed, Unchanged, Repeated, Outdated or Unknown, or that of the error. A batch that
	// is done again must not rely on the same things again.
	Run(ctx context.Context, conn C, tx *Tx, batch *Batch[R]) (Outcome, error)
	// Committed publishes a transaction, before its requests are answered. It must not
	// block.
	Committed(tx *Tx, claimed []*Request[R])
	// Failed says that a transaction was not committed, or that the connection is another
	// one: what is remembered may be wrong.
	Failed()
}

// Lane is a queue of requests of one kind.
type Lane[C Conn, R any] struct {
	log         *Log[C]
	steps       Steps[C, R]
	queue       *queue[R]
	callersLead bool
	await       func()

	// left is an attempt that a leading caller has left to the log's goroutine. It belongs
	// to the goroutine that leads.
	left attempt[R]
	// pace is how long a request took lately behind the lock. It belongs to that goroutine, too.
	pace time.Duration
}

// LaneOptions says how a lane is written.
type LaneOptions[R any] struct {
	Limits[R]
	// CallersLead lets a caller that finds nothing being written write the next batch
	// itself, in its own goroutine. On an idle machine that spares two wake-ups of sleeping
	// processors. It is for lanes whose transactions are two messages at the most, because
	// nothing else bounds how long a caller leads.
	CallersLead bool
	// Await, if there is one, is called before a batch is taken from the queue, by the goroutine that
	// leads. It may wait for some milliseconds, in which the queue grows.
	Await func()
}

// AddLane gives the log one more lane, before it is started.
func AddLane[C Conn, R any](log *Log[C], steps Steps[C, R], o LaneOptions[R]) *Lane[C, R] {
	l := &Lane[C, R]{log: log, steps: steps, queue: newQueue(o.Limits), callersLead: o.CallersLead, await: o.Await}
	log.lanes = append(log.lanes, l)
	return l
}

// Do waits until the request is committed and returns its refusal, if it has one. Other
// errors are that of ctx, ErrBusy, ErrUnavailable, and what the database said of it in a
// transaction of its own; with each of them it is not stored, but for what
// ErrUnavailable leaves open.
func (l *Lane[C, R]) Do(ctx context.Context, work R) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	req := newRequest(work)
	if err := l.queue.add(req); err != nil {
		return err
	}
	if l.callersLead {
		l.tryToLead()
	} else {
		l.log.rouse()
	}
	return req.wait(ctx)
}

// gather takes a batch from the queue. Before that it lets the goroutines run that are ready to:
// on a busy machine many of them are about to queue a request, and without it most batches were of
// one. On an idle machine it takes no time.
func (l *Lane[C, R]) gather() []*Request[R] {
	if l.Waiting() == 0 {
		return nil
	}
	if l.await != nil {
		l.await()
	}
	runtime.Gosched()
	return l.queue.take(nil)
}

// Waiting is how many requests are in the queue.
func (l *Lane[C, R]) Waiting() int { return l.queue.waiting() }

// join adds to a batch whose lock is had what was queued while the lock was waited for.
func (l *Lane[C, R]) join(b *Batch[R]) {
	all, had := l.queue.take(b.requests), len(b.requests)
	var others []*Request[R]
	for _, req := range all[had:] {
		if l.steps.Joins(req.Work) {
			b.requests = append(b.requests, req)
		} else {
			others = append(others, req)
		}
	}
	l.requeue(others)
}

// requeue puts requests back to the front of the queue, if they are still wanted.
func (l *Lane[C, R]) requeue(requests []*Request[R]) {
	again := make([]*Request[R], 0, len(requests))
	for _, req := range requests {
		if req.release() {
			again = append(again, req)
		}
	}
	l.queue.addFirst(again)
}

// refuseWaiting refuses everything in the queue.
func (l *Lane[C, R]) refuseWaiting(err error) {
	batch := Batch[R]{requests: l.queue.takeAll()}
	batch.All()
	batch.answer(err)
}

// connected implements lane.
func (l *Lane[C, R]) connected() { l.steps.Failed() }

// close implements lane: nothing more comes into the queue.
func (l *Lane[C, R]) close() { l.queue.close() }
