package commitlog

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// AnswerWithin bounds how long a caller waits for its answer.
	AnswerWithin = 2800 * time.Millisecond
	// WaitFor bounds how long a request waits to be claimed. What is claimed later could
	// not be answered in time. The rest of AnswerWithin is for what runs: RunFor, StatementFor
	// and the commit.
	WaitFor = 1900 * time.Millisecond
	// RunFor is how long after the lock was had a request may begin another statement.
	RunFor = 400 * time.Millisecond
	// StatementFor bounds each of its statements.
	StatementFor = 450 * time.Millisecond
)

// These are the states of a request.
const (
	waiting int32 = iota // the caller may give up
	running              // the log has claimed it, and the caller waits for the outcome
	gone                 // the caller has given up; the request is never run
)

// Request is one change that waits for its answer.
type Request[R any] struct {
	// Work is what is asked. Its lane's Steps alone read and write it, from Lane.Submit to
	// the answer.
	Work R
	// Err is the request's own refusal, if it has one. The other requests of its batch are
	// committed without it.
	Err error

	since time.Time
	state atomic.Int32
	done  chan error // takes the one answer
	// alone says that the request is to have a transaction of its own, because one that it
	// shared was refused; retried, that it was claimed once on a connection that was lost.
	// The goroutine that leads owns both.
	alone, retried bool
}

func newRequest[R any](work R) *Request[R] {
	return &Request[R]{Work: work, since: time.Now(), done: make(chan error, 1)}
}

// claim takes the request for the log, unless its caller has given up.
func (r *Request[R]) claim() bool { return r.state.CompareAndSwap(waiting, running) }

// giveUp takes the request back for its caller, unless the log has claimed it.
func (r *Request[R]) giveUp() bool { return r.state.CompareAndSwap(waiting, gone) }

func (r *Request[R]) isGone() bool { return r.state.Load() == gone }

// overdue says that the request has waited for so long that it is not claimed any more.
func (r *Request[R]) overdue() bool { return time.Since(r.since) > WaitFor }

// release takes back the claim, so that the request can be tried again. Of one that is
// overdue this is the answer.
func (r *Request[R]) release() (again bool) {
	if r.state.Load() != running {
		return !r.isGone()
	}
	if r.overdue() {
		r.answer(ErrUnavailable)
		return false
	}
	r.state.Store(waiting)
	return true
}

// answer ends a request that is claimed.
func (r *Request[R]) answer(err error) { r.done <- err }

// wait returns the answer. It gives up when ctx ends or the time is over, but only
// while the request waits.
func (r *Request[R]) wait(ctx context.Context) error {
	patience := time.NewTimer(WaitFor - time.Since(r.since))
	defer patience.Stop()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.giveUp() {
			return ctx.Err()
		}
	case <-patience.C:
		if r.giveUp() {
			return ErrUnavailable
		}
	}
	limit := time.NewTimer(AnswerWithin - time.Since(r.since))
	defer limit.Stop()
	select {
	case err := <-r.done:
		return err
	case <-limit.C:
		r.giveUp() // the claim may have been taken back in the meantime
		return ErrUnavailable
	}
}
