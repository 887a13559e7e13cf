package stream

import (
	"context"
	"time"
)

// Backpressure: a room remembers a bounded part of its chat. Where messages are
// posted faster than they can be written to all who listen, the readers would fall
// behind that part in masses, and every one of them would go to the log for the
// rest. Posting is slowed a little before that: nobody is closed for it, nothing is
// dropped, and a reader whose own socket is full does not count.

const (
	// maxHold is how long a post is held at the most.
	maxHold = 100 * time.Millisecond
	// sampled is how many of a room's readers are looked at.
	sampled = 16
)

// Hold waits, before something is posted to a chat, as long as those who follow it
// here need to keep up: not at all as a rule, and at most a tenth of a second. It
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
	ro := b.rooms[roomKey{chat: chatID}]
	if ro == nil {
		return 0
	}
	return ro.hold
}

// press sets for how long posts into the room are held: not at all while most of
// its readers stand in the newer half of what it can remember, and longer the
// farther they are behind. The broker's mutex is held.
func (ro *room) press(limit int) {
	ro.hold = 0
	if ro.bytes < limit/2 || len(ro.frames) == 0 {
		return
	}
	awake, late := 0, 0
	half := ro.frames[len(ro.frames)/2].event.Pos
	threeQuarters := ro.frames[len(ro.frames)/4].event.Pos
	for i := range min(sampled, len(ro.subscriptions)) {
		rd := ro.subscriptions[(ro.sample+i)%len(ro.subscriptions)].reader
		if rd.halted.Load() {
			continue
		}
		awake++
		if rd.reached < half {
			late++
		}
		if rd.reached < threeQuarters {
			late++
		}
	}
	ro.sample += sampled
	if awake > 0 && late > awake/2 {
		ro.hold = maxHold * time.Duration(late) / time.Duration(2*awake)
	}
}
