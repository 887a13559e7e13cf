package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

func TestACrowdThatOpensWaitsForOneAnotherAndNotForAStoreThatFails(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = time.Second
		began := time.Now()
		var crowd []*client
		for range 10 * maxOpening {
			crowd = append(crowd, h.open(Start{Chat: "lobby"}))
		}
		h.sleep(10 * time.Second)
		for _, c := range crowd {
			expect(t, "the crowd", c.names(), "ready")
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("it took %v", took)
		}

		h.log.setBroken(true)
		var refused []*client
		for range 10 * maxOpening {
			refused = append(refused, h.open(Start{Chat: "lobby"}))
		}
		h.sleep(time.Second)
		synctest.Wait()
		for _, c := range refused {
			if !c.ended() || !errors.Is(c.err, chat.ErrUnavailable) {
				t.Fatalf("ended %v, %v", c.ended(), c.err)
			}
		}
	})
}

func TestOnlySoManyPartsOfTheLogAreReadAtOnceAndWhoIsLiveDoesNotWait(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		const chats = 5 * maxReads
		den := func(n int) string { return fmt.Sprintf("den-%d", n) }
		for n := range chats {
			h.commit(joins(den(n), "ann"), says(den(n), "ann", "hello"))
		}
		live := h.open(Start{Chat: "lobby"})
		h.log.slow = time.Second
		var behind []*client
		for n := range chats {
			behind = append(behind, h.open(Start{Chat: den(n), After: "earliest"}))
		}
		h.commit(numbered(1, 1)...)
		expect(t, "at once, live", live.names(), "ready 1")
		h.sleep(10 * time.Second)
		for _, c := range behind {
			if names := c.names(); !strings.HasSuffix(names, "hello ready") {
				t.Errorf("who was behind has %q", names)
			}
		}
		expect(t, "reads at once", h.log.most, maxReads)
	})
}

// greedy opens streams of eve.
func (h *house) greedy(streams int, s Start) {
	s.Actor = actor("eve", "s-eve")
	for range streams {
		h.open(s)
	}
}

// readsBack opens a stream, and says how long it is until it is ready; a minute is for ever.
func (h *house) readsBack(s Start) time.Duration {
	began := time.Now()
	stranger := h.open(s)
	for !strings.HasSuffix(stranger.names(), "ready") && time.Since(began) < time.Minute {
		h.sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

func TestAUserThatReadsBackOnManyStreamsHoldsUpNoStranger(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1000}, func(h *house) {
		h.commit(joins("den", "eve"))
		h.commit(numbered(1, 4*segmentEvents)...)
		h.log.slow = time.Second
		h.greedy(25*maxReads, Start{After: "0"})
		// The stranger reads five parts, and each waits for a read that is under way.
		if took := h.readsBack(Start{Chat: "lobby", After: "earliest"}); took > 11*time.Second {
			t.Errorf("a stranger's five reads of a second took %v", took)
		}
	})
}

func TestAStrangerInARoomDoesNotWaitForTheTurnOfAUserThatReadsBackOnManyStreams(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1000}, func(h *house) {
		h.commit(joins("lobby", "eve"))
		h.commit(numbered(1, 100)...)
		h.log.slow = time.Second
		h.greedy(25*maxReads, Start{After: "0"})
		h.greedy(1, Start{Chat: "lobby", After: "earliest"})
		if took := h.readsBack(Start{Chat: "lobby", After: "earliest"}); took > 3*time.Second {
			t.Errorf("a stranger's read of a second took %v", took)
		}
		expect(t, "parts read of the room", h.log.pages, 1)
	})
}

func TestAStrangerInARoomWaitsForOnePartOfEachOtherUserInIt(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1000}, func(h *house) {
		const streams = 20
		h.commit(joins("lobby", "eve"))
		h.commit(numbered(1, (streams+2)*segmentEvents)...)
		h.log.slow = time.Second
		part := func(n int) Start { return Start{Chat: "lobby", After: fmt.Sprint(n*segmentEvents + 10), Limit: 1} }
		h.greedy(25*maxReads, Start{After: "0"})
		bob := part(streams + 1)
		bob.Actor = actor("bob", "s-bob")
		h.open(bob)
		for i := range streams {
			h.greedy(1, part(i))
		}
		stranger := h.open(part(streams))
		h.sleep(10 * time.Second)
		expect(t, "the stranger's part was read", stranger.ended(), true)
		h.log.mu.Lock()
		defer h.log.mu.Unlock()
		expect(t, "parts up to it", strings.Join(h.log.parts[:min(3, len(h.log.parts))], " "),
			fmt.Sprint(bob.After, " ", part(0).After, " ", part(streams).After))
	})
}
