package commitlog

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// attempt is one try to commit a batch.
type attempt[R any] struct {
	batch *Batch[R]
	tx    *Tx
	// outcome says how far it has come, and alone decides what is done next.
	outcome Outcome
	// err is what the database said: for the log, and for a request that was alone.
	err error
}

// write implements lane: the way of an attempt, from the queue to the answers.
func (l *Lane[C, R]) write() bool {
	a := l.left
	l.left = attempt[R]{}
	if a.outcome == None {
		a = l.begin(l.gather())
	}
	if a.outcome == None {
		return false
	}
	if a.outcome == Begun {
		l.run(&a)
	}
	if a.outcome == Unknown {
		a.outcome, a.err = l.log.lookUp(a.tx, a.err)
	}
	l.conclude(&a)
	return true
}

// begin opens the transaction and takes the lock. Without requests there is no attempt.
func (l *Lane[C, R]) begin(requests []*Request[R]) attempt[R] {
	a := attempt[R]{batch: &Batch[R]{requests: requests}}
	if len(requests) == 0 {
		return a
	}
	ctx := context.Background() // no caller's end may undo what others asked
	if err := l.log.connect(ctx); err != nil {
		a.outcome, a.err = Unavailable, fmt.Errorf("connecting: %w", err)
		return a
	}
	a.tx = l.log.begin()
	if err := l.steps.Begin(ctx, l.log.conn, a.tx, a.batch.works()); err != nil {
		a.outcome, a.err = l.log.conn.Outcome(err), fmt.Errorf("taking the log's head: %w", err)
		l.log.undo(a.outcome)
		return a
	}
	a.outcome = Begun
	if !a.tx.Single {
		a.tx.locked = time.Now()
		a.batch.locked, a.batch.pace = a.tx.locked, l.pace
		l.join(a.batch)
	}
	return a
}

// run runs the requests and commits.
func (l *Lane[C, R]) run(a *attempt[R]) {
	a.outcome, a.err = l.guarded(a)
	if a.outcome == Blocked && !a.tx.Single { // not by the head's lock, which is had
		a.outcome = TimedOut
	}
	l.log.undo(a.outcome)
	if !a.tx.Single {
		l.log.Metrics.Lock.Observe(time.Since(a.tx.locked).Seconds())
		l.pace = paceBehind(a.batch, l.pace)
	}
}

// paceBehind is the pace behind a batch. One that is slow for once does not count for much,
// and without anything measured the pace fades, because a database that was far away may
// be near now.
func paceBehind[R any](b *Batch[R], before time.Duration) time.Duration {
	if b.measured() > 0 {
		return (3*before + b.pace) / 4
	}
	return before - before/16
}

// guarded is Steps.Run. After a panic it is not known what has become of the
// transaction.
func (l *Lane[C, R]) guarded(a *attempt[R]) (o Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			o, err = Unknown, Panicked(p)
		}
	}()
	return l.steps.Run(context.Background(), l.log.conn, a.tx, a.batch)
}

// Panicked is the error of a panic.
func Panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// undo ends the transaction of an outcome that left one open. A connection on which that
// fails is given up.
func (l *Log[C]) undo(o Outcome) {
	switch o {
	case Committed, Unknown:
	case ConnectionLost:
		l.disconnect()
	default:
		if l.conn.Rollback(context.Background()) != nil {
			l.disconnect()
		}
	}
}

// conclude answers the requests of an attempt that is over, or puts them back into the
// queue.
func (l *Lane[C, R]) conclude(a *attempt[R]) {
	switch a.outcome {
	case Committed, Unchanged, Repeated, Outdated:
	default:
		l.steps.Failed()
	}
	switch a.outcome {
	case Committed:
		l.log.Metrics.committed(a.tx, len(a.batch.claimed))
		l.steps.Committed(a.tx, a.batch.claimed)
		l.log.committed(a.tx)
		a.batch.answerEach()
		l.requeue(a.batch.rest())
	case Unchanged:
		a.batch.answerEach()
		l.requeue(a.batch.rest())
	case Repeated, Outdated, Blocked:
		l.requeue(a.batch.requests)
	case Refused, TimedOut:
		l.separate(a)
	case ConnectionLost:
		l.log.Log.Warn("the connection to the database is given up", "error", a.err)
		l.retry(a)
	case Unavailable, Unknown:
		l.log.Metrics.Up.Set(0)
		l.log.Log.Error("the database did not take a batch", "requests", len(a.batch.requests), "error", a.err)
		a.batch.All()
		a.batch.answer(ErrUnavailable)
	}
}

// separate lets each claimed request be tried again in a transaction of its own, where
// it harms no stranger. One that was alone is answered with the error.
func (l *Lane[C, R]) separate(a *attempt[R]) {
	if len(a.batch.claimed) == 0 { // the lock came with what the batch is decided by
		a.batch.All()
	}
	if len(a.batch.claimed) == 1 {
		a.batch.answer(a.err)
		l.requeue(a.batch.rest())
		return
	}
	for _, req := range a.batch.claimed {
		req.alone = true
	}
	l.requeue(a.batch.requests)
}

// retry lets the requests be tried once more, on a fresh connection. If that connection
// is lost too, one of them may be to blame.
func (l *Lane[C, R]) retry(a *attempt[R]) {
	for _, req := range a.batch.requests {
		if req.retried {
			l.log.Metrics.Up.Set(0)
			l.separate(a)
			return
		}
	}
	for _, req := range a.batch.requests {
		req.retried = true
	}
	l.requeue(a.batch.requests)
}

// lookUp finds out whether a transaction was committed whose commit failed with cause. It
// asks until it knows, or until the log is closed: the callers do not wait for so long,
// but what follows the log must be told. From the second failure on, whatever waits
// meanwhile is refused.
func (l *Log[C]) lookUp(of *Tx, cause error) (Outcome, error) {
	l.Log.Warn("whether a batch was committed has to be looked up", "error", cause)
	l.disconnect()
	for failed := 1; ; failed++ {
		committed, err := l.wasCommitted(context.Background(), of)
		switch {
		case err == nil && committed:
			return Committed, nil
		case err == nil:
			return ConnectionLost, cause
		case failed == 1:
			l.Log.Warn("how a commit ended is still unknown, and asked again until it is known", "error", err)
		default:
			for _, lane := range l.lanes {
				lane.refuseWaiting(ErrUnavailable)
			}
		}
		l.Metrics.Up.Set(0)
		select {
		case <-l.closing:
			return Unknown, errors.Join(cause, err)
		case <-time.After(lookUpPause):
		}
	}
}

// lookUpPause lies between two tries to learn how a commit ended.
const lookUpPause = 100 * time.Millisecond

func (l *Log[C]) wasCommitted(ctx context.Context, of *Tx) (bool, error) {
	if err := l.connect(ctx); err != nil {
		return false, err
	}
	fence := l.begin()
	committed, o, err := WasCommitted(ctx, l.conn, of, fence)
	if o == Committed {
		l.last = fence.Raised()
	}
	if err != nil && o != Blocked {
		l.disconnect()
		return false, err
	}
	l.undo(o)
	return committed, err
}

// WasCommitted says whether a transaction was committed, by reading behind the head's
// lock which batch of its writer's was the last. A transaction of two messages held that
// lock until it could no longer commit. A single message may still be on its way: if the
// head is where it would go on, fence raises the head, so that the message finds
// another. The outcome is fence's: Committed or, as nothing was stored, Unchanged.
func WasCommitted(ctx context.Context, conn Conn, of, fence *Tx) (bool, Outcome, error) {
	at, err := conn.Begin(ctx)
	if err != nil {
		return false, conn.Outcome(err), err
	}
	switch {
	case of.Single && at == of.Found:
		fence.Follow(at)
		o, err := conn.Raise(ctx, fence)
		return false, o, err
	case at.Writer == of.Writer:
		return at.Batch == of.Batch, Unchanged, nil
	}
	last, err := conn.LastBatch(ctx, of.Writer)
	if err != nil {
		return false, conn.Outcome(err), err
	}
	return last == of.Batch, Unchanged, nil
}
