package stream

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
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
	// page is how many events are read from the log at once: [tailPage], but in a simulation.
	page int

	mu sync.Mutex
	// offered are batches that are not applied, in no order.
	offered [][]chat.Event
	// hint is the highest position that the head is said to have reached.
	hint int64
	// look says that the log is to be read: the bus told of something that is only there,
	// or may have lost it.
	look bool
	// distrust is until when positions from the bus are ignored, because one was ahead of
	// the head.
	distrust time.Time
}

const (
	// maxOffered is how many batches wait for the tail; those beyond are read from
	// the log instead.
	maxOffered = 64
	// tailPage is how many events are read from the log at once.
	tailPage = 512
	// reorderWindow is how long batches above a hole wait for the batch that fills it:
	// what two writers commit one after the other may be offered the other way round.
	reorderWindow = 5 * time.Millisecond
	// distrustFor is for how long positions from the bus are ignored once one was ahead of
	// the log's head, so that a bus that others write to cannot keep the database busy.
	distrustFor = 100 * time.Millisecond
)

func newTail(b *Broker) *tail {
	return &tail{broker: b, woken: make(chan struct{}, 1), page: tailPage}
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
	signal(t.woken)
}

// hear takes a message from the bus; nil says that messages may have been lost. It does
// not block.
func (t *tail) hear(message []byte) {
	if message == nil {
		t.broker.publisher.heardOf() // its beats may be among them
		t.lookAtLog(0)
		return
	}
	h, err := parseHint(message)
	if err != nil {
		t.broker.metrics.ignored(ignoredMalformed)
		return
	}
	t.broker.metrics.busReceived.Inc()
	if h.from != "" && h.from != t.broker.publisher.id {
		t.broker.publisher.heardOf()
	}
	for _, s := range h.signals {
		t.broker.heed(s)
	}
	if n := len(h.events); n > 0 {
		if t.broker.opts.Bus.Limit() >= minBatch {
			t.offer(h.events)
			return
		}
		h.head = h.events[n-1].Pos // the bus is not one that is trusted with batches
	}
	if h.head > t.broker.position() && t.trusts(time.Now()) {
		t.lookAtLog(h.head)
	}
}

// lookAtLog has the log read, without a wait for what might be offered. The head is said to
// be at pos.
func (t *tail) lookAtLog(pos int64) {
	t.mu.Lock()
	t.look = true
	t.mu.Unlock()
	t.headAt(pos)
}

// trusts says whether positions from the bus are believed at present.
func (t *tail) trusts(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.distrust) {
		t.broker.metrics.ignored(ignoredAhead)
		return false
	}
	return true
}

// run follows the log until ctx ends.
func (t *tail) run(ctx context.Context) {
	poll := time.NewTimer(jitter(t.broker.opts.Poll))
	defer poll.Stop()
	window := time.NewTimer(reorderWindow)
	window.Stop()
	defer window.Stop()
	failing := false
	for waitedAt := int64(-1); ; {
		due := false
		select {
		case <-ctx.Done():
			return
		case <-t.woken:
		case <-window.C:
			due, waitedAt = true, -1
		case <-poll.C:
			due = true
			t.broker.dropUnused(time.Now())
			poll.Reset(jitter(t.broker.opts.Poll))
		}
		pos, behind, above := t.applyOffered()
		due = t.takeLook() || due
		if !due && !behind && !above {
			continue
		}
		if !due && above {
			if pos != waitedAt { // or the window for this hole is open already
				waitedAt = pos
				window.Reset(reorderWindow)
			}
			continue
		}
		err := t.readLog(ctx)
		if err != nil && !failing && !errors.Is(err, context.Canceled) {
			t.broker.opts.Log.Warn("the log cannot be read; streams wait", "error", err)
		}
		failing = err != nil
	}
}

// applyOffered applies the batches that follow directly and returns where the tail
// then stands. behind says that the head is beyond it, above that batches wait above a
// hole.
func (t *tail) applyOffered() (pos int64, behind, above bool) {
	pos = t.broker.position()
	if t.broker.isHalfRead() {
		// What was offered up to there is older than what was read of it, and may have texts that
		// were replaced.
		return pos, true, false
	}
	events, hint, above := t.takeNext(pos)
	if len(events) > 0 {
		pos = events[len(events)-1].Pos
		t.broker.apply(events, pos, pos)
	}
	return pos, hint > pos, above
}

// takeNext takes, of what was offered, the events that follow a position without a
// hole, and forgets those up to it.
func (t *tail) takeNext(pos int64) (events []chat.Event, hint int64, above bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.offered, func(a, b []chat.Event) int { return cmp.Compare(a[0].Pos, b[0].Pos) })
	waiting := t.offered[:0]
	for _, batch := range t.offered {
		if batch[0].Pos > pos+1 {
			waiting = append(waiting, batch)
			continue
		}
		for _, e := range batch {
			if e.Pos == pos+1 {
				events = append(events, e)
				pos = e.Pos
			}
		}
	}
	clear(t.offered[len(waiting):])
	t.offered = waiting
	return events, t.hint, len(waiting) > 0
}

// readLog applies all that stands in the log behind the tail.
func (t *tail) readLog(ctx context.Context) error {
	hint := t.hinted()
	for {
		pos := t.broker.position()
		events, head, err := t.broker.log.After(ctx, pos, t.page)
		if err != nil {
			return err
		}
		full := len(events) == t.page
		upTo := max(pos, head)
		if full {
			upTo = events[t.page-1].Pos
		}
		if upTo > pos {
			t.broker.apply(events, upTo, head)
		}
		if !full {
			t.settle(hint, upTo)
			return nil
		}
	}
}

func (t *tail) hinted() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hint
}

func (t *tail) takeLook() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	look := t.look
	t.look = false
	return look
}

// settle compares a hint with the head that was read after it was given. What is committed
// is visible to all who read later, so a hint beyond the head was false.
func (t *tail) settle(hint, head int64) {
	if hint <= head {
		return
	}
	t.broker.metrics.ignored(ignoredAhead)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hint == hint {
		t.hint = head
	}
	t.distrust = time.Now().Add(distrustFor)
}

// dropUnused forgets what memory keeps of the log that no reader needs any more.
func (b *Broker) dropUnused(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory.dropUnused(now)
}

// position is how far the tail has come.
func (b *Broker) position() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.applied
}

// isHalfRead says whether the tail has yet to come to where the log's head was when it was read.
func (b *Broker) isHalfRead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.applied < b.snapshot
}

// jitter is d ± 10 %, so that what began together does not go on in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}
