package stream

import (
	"context"
	"time"
)

// Backpressure: a room remembers a bounded part of its chat. Where messages are
// posted faster than they can be written to all readers, the readers would fall
// behind that part in masses, and every one of them would go to the log for the
// rest. Posting is slowed a little before that: no stream is closed for it, and nothing
// is dropped.
//
// Readers count that were live and fall behind by this instance's own slowness. A
// reader that reads back is not late, and one whose socket is full has itself to blame.
// Posts are held while most of those that count are late, so that none of many holds
// them alone. For how long is computed from the readers' positions when it is asked.

const (
	// maxHold is how long a post is held at the most.
	maxHold = 100 * time.Millisecond
	// sampled is how many of a room's readers are looked at.
	sampled = 16
)

// Hold waits, before something is posted to a chat, as long as the streams that follow
// it here need to keep up: not at all as a rule, and at most a tenth of a second. It
// returns early when ctx ends.
func (b *Broker) Hold(ctx context.Context, chatID string) {
	hold := b.hold(chatID)
	if hold == 0 {
		return
	}
	b.metrics.held.Observe(hold.Seconds())
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (b *Broker) hold(chatID string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory.hold(chatID)
}

// hold is for how long a post to a chat is held: not at all while most of its readers
// stand in the newer half of what its room can remember, and longer the farther they
// are behind.
func (m *memory) hold(chatID string) time.Duration {
	ro := m.rooms[roomKey{chat: chatID}]
	if ro == nil || len(ro.frames) == 0 {
		return 0
	}
	limit := m.perRoom
	if m.scarce {
		limit = ro.bytes // it cannot grow without a loss to its readers
	}
	if ro.bytes < limit/2 {
		return 0
	}
	half := min(ro.frames[len(ro.frames)/2].event.Pos, ro.batch)
	quarter := min(ro.frames[len(ro.frames)/4].event.Pos, ro.batch)
	counted, inOlderHalf, inOldestQuarter := 0, 0, 0
	for i := range min(sampled, len(ro.subscriptions)) {
		rd := ro.subscriptions[(ro.sample+i)%len(ro.subscriptions)].reader
		if !rd.live || rd.halted.Load() {
			continue
		}
		counted++
		if rd.cursor < half {
			inOlderHalf++
		}
		if rd.cursor < quarter {
			inOldestQuarter++
		}
	}
	ro.sample += sampled
	if 2*inOlderHalf <= counted {
		return 0
	}
	return maxHold * time.Duration(inOlderHalf+inOldestQuarter) / time.Duration(2*counted)
}
