package stream

import (
	"testing"
	"time"

	"parley/chat"
)

// A signal that came where a round was due, and the goroutine that runs it was late, put the room
// among the rounds twice; the process ended when the second one was looked at.
func TestARoomStandsAmongTheRoundsOnce(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		typing, _ := laneOf(chat.SignalTyping)
		c := h.open(Start{Chat: "lobby"})
		now := time.Now()
		heed := func(username string, now time.Time) {
			h.broker.heedInRoom(newSignalFrame(types("lobby", username), typing, now), now)
		}
		heed("bob", now)
		due := now.Add(roundPace)
		heed("cid", due)
		among := func() int {
			h.broker.mu.Lock()
			defer h.broker.mu.Unlock()
			return len(h.broker.rounds.rooms)
		}
		expect(t, "rooms among the rounds", among(), 1)
		h.broker.dueRounds(due)
		h.broker.dueRounds(due.Add(roundPace))
		expect(t, "rooms among the rounds of which nothing waits", among(), 0)
		h.sleep(2 * roundPace)
		expect(t, "shown", c.shown("typing"), 2)
		c.cancel()
	})
}
