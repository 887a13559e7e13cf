package stream

import (
	"errors"
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
