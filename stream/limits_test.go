package stream

import (
	"errors"
	"testing"
	"testing/synctest"

	"parley/chat"
)

func TestOneStreamTooManyIsRefusedAndAnEndMakesRoom(t *testing.T) {
	inHouse(t, Options{Limits: Limits{Total: 4, PerUser: 2, PerAddress: 3}}, func(h *house) {
		refused := func(what string, s Start) {
			t.Helper()
			c := h.open(s)
			<-c.done
			if !errors.Is(c.err, chat.ErrTooManyStreams) {
				t.Errorf("%s: %v", what, c.err)
			}
		}
		one := Start{Chat: "lobby", Address: "192.0.2.1"}
		first, _ := h.open(one), h.open(one)
		refused("a user's third", one)
		bob := Start{Chat: "lobby", Actor: actor("bob", "b"), Address: "192.0.2.1"}
		h.open(bob)
		refused("an address's fourth", bob)
		bob.Address = ""
		fourth := h.open(bob)
		refused("the fifth", Start{Actor: actor("eve", "e")})
		if _, err := h.broker.Page(h.t.Context(), &Start{Actor: actor("eve", "e")}, 0); !errors.Is(err, chat.ErrTooManyStreams) {
			t.Errorf("a page: %v", err)
		}
		first.cancel()
		<-first.done
		synctest.Wait()
		again := h.open(one)
		expect(t, "the end of one made room", again.names(), "ready")
		expect(t, "the others go on", fourth.ended(), false)
	})
}
