package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"parley/chat"
)

// tail moves the broker along the log, without a hole: with what a log writer of
// this instance has in hand where that follows directly, by reading the log
// where it does not.
type tail struct {
	broker *Broker
	// woken has room for one: something was offered, or hinted at.
	woken chan struct{}

	mu      sync.Mutex
	offered [][]chat.Event
	// hint is the highest position that the head is known to have reached.
	hint int64
}

const (
	// maxOffered is how many batches wait for the tail; those beyond are read from
	// the log instead.
	maxOffered = 64
	// tailPage is how many events are read from the log at once.
	tailPage = 512
)

func newTail(b *Broker) *tail {
	return &tail{broker: b, woken: make(chan struct{}, 1)}
}

// offer hands over a batch of events. It does not block.
func (t *tail) offer(events []chat.Event) {
	if len(events) == 0 {
		return
	}
	t.mu.Lock()
	if len(t.offered) < maxOffered {
		t.offered = append(t.offered, events)
	}
	t.mu.Unlock()
	t.headAt(events[len(events)-1].Pos)
}

// headAt says that the head has reached a position. It does not block.
func (t *tail) headAt(pos int64) {
	t.mu.Lock()
	t.hint = max(t.hint, pos)
	t.mu.Unlock()
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// run follows the log until ctx ends.
func (t *tail) run(ctx context.Context) {
	poll := time.NewTimer(jitter(t.broker.opts.Poll))
	defer poll.Stop()
	failing := false
	for {
		polled := false
		select {
		case <-ctx.Done():
			return
		case <-t.woken:
		case <-poll.C:
			polled = true
			t.broker.dropUnused(time.Now())
			poll.Reset(jitter(t.broker.opts.Poll))
		}
		behind := t.applyOffered()
		if !behind && !polled {
			continue
		}
		err := t.readLog(ctx)
		if err != nil && !failing && !errors.Is(err, context.Canceled) {
			t.broker.opts.Log.Warn("the log cannot be read; streams wait", "error", err)
		}
		failing = err != nil
	}
}

// applyOffered applies the batches that follow directly, and says whether the
// head is beyond them.
func (t *tail) applyOffered() (behind bool) {
	t.mu.Lock()
	offered, hint := t.offered, t.hint
	t.offered = nil
	t.mu.Unlock()
	pos := t.broker.position()
	var events []chat.Event
	for _, batch := range offered {
		for _, e := range batch {
			if e.Pos == pos+1 {
				events = append(events, e)
				pos = e.Pos
			}
		}
	}
	if len(events) > 0 {
		t.broker.apply(events, pos)
	}
	return hint > pos
}

// readLog applies all that stands in the log behind the tail.
func (t *tail) readLog(ctx context.Context) error {
	for {
		pos := t.broker.position()
		events, head, err := t.broker.log.After(ctx, pos, tailPage)
		if err != nil {
			return err
		}
		full := len(events) == tailPage
		upTo := max(pos, head)
		if full {
			upTo = events[tailPage-1].Pos
		}
		if upTo > pos {
			t.broker.apply(events, upTo)
		}
		if !full {
			return nil
		}
	}
}

// position is how far the tail has come.
func (b *Broker) position() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.applied
}

// jitter is d ± 10 %, so that what began together does not go on in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}
