package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// inTightHouse runs a test on the fast path, where a socket may take a part.
func inTightHouse(t *testing.T, o Options, test func(h *house)) {
	t.Helper()
	inBubble(t, true, o, test)
}

// tight is how many bytes a socket takes that has room for a part of a frame, of one,
// of a few, and of none of what comes behind.
var tight = []int{1, 5, 40, 120, 150, 197, 350, 600}

func TestAFinalEndIsWholeHoweverLittleRoomThereIs(t *testing.T) {
	for _, room := range tight {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			inTightHouse(t, Options{Ping: time.Hour}, func(h *house) {
				limited, left := h.open(Start{Chat: "lobby", Limit: 3}), h.open(Start{Chat: "lobby"})
				timed := h.open(Start{Chat: "lobby", Timeout: 30 * time.Second})
				timed.give(room)
				limited.give(room)
				left.give(room)
				h.commit(numbered(1, 4)...)
				for !limited.ended() {
					limited.give(room)
				}
				expect(t, "limit", limited.names(), "ready 1 2 3 bye")
				expect(t, "ends cleanly", strings.HasSuffix(limited.wire.String(), lastChunk), true)

				h.commit(leaves("lobby", "ann"))
				for !left.ended() {
					left.give(room)
				}
				expect(t, "left", left.names(), "ready 1 2 3 4 member.left bye")
				expect(t, "ends cleanly", strings.HasSuffix(left.wire.String(), lastChunk), true)
				timed.cancel()
			})
		})
	}
}

func TestATimeThatIsOverWaitsForTheRestOfAFrame(t *testing.T) {
	inTightHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby", Timeout: 30 * time.Second})
		h.sleep(29 * time.Second)
		c.give(20)
		h.commit(numbered(1, 1)...)
		h.sleep(2 * time.Second)
		c.give(10_000)
		<-c.done
		expect(t, "events", c.names(), "ready 1 bye")
		expect(t, "ends cleanly", strings.HasSuffix(c.wire.String(), lastChunk), true)
	})
}

func TestReadyComesAlsoBehindAFrameThatWasTakenInPart(t *testing.T) {
	for _, room := range tight {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			inTightHouse(t, Options{Ping: time.Hour}, func(h *house) {
				h.commit(numbered(1, 2)...)
				h.log.slow = time.Second
				c := h.open(Start{Chat: "lobby", After: "2"})
				c.give(room)
				h.sleep(2 * time.Second)
				for range 800 / room {
					c.give(room)
				}
				expect(t, "events", c.names(), "1 2 ready")
				c.cancel()
			})
		})
	}
}

func TestWhoNeverTakesTheLastWordIsCut(t *testing.T) {
	inTightHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby", Limit: 1})
		c.give(0)
		h.commit(numbered(1, 1)...)
		for !strings.HasSuffix(c.names(), " 1") {
			c.give(1)
		}
		c.give(5)
		h.sleep(9 * time.Second)
		expect(t, "ended before it is slow", c.ended(), false)
		h.sleep(time.Second)
		<-c.done
		expect(t, "cut", c.aborted, true)
	})
}
