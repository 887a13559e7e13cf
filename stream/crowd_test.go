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
