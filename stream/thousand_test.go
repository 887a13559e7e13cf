package stream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

func TestOneStreamFollowsAThousandChats(t *testing.T) {
	const chats = 1000
	name := func(i int) string { return fmt.Sprintf("c%03d", i) }
	inHouse(t, Options{}, func(h *house) {
		var made []chat.Event
		for i := range chats {
			made = append(made, joins(name(i), "bob"), joins(name(i), "ann"))
		}
		h.commit(made...)
		c := h.open(Start{})
		expect(t, "readers", h.broker.streams, 1)

		var want []string
		var batch []chat.Event
		for i := range chats {
			batch = append(batch, says(name(i), "bob", name(i)))
			want = append(want, name(i))
		}
		// Every tenth is left, with a message before and one behind, and every fiftieth
		// joined again.
		for i := 0; i < chats; i += 10 {
			batch = append(batch, leaves(name(i), "ann"), says(name(i), "bob", "unseen"))
			want = append(want, "chat.left")
		}
		for i := 0; i < chats; i += 50 {
			batch = append(batch, joins(name(i), "ann"), says(name(i), "bob", "back-in-"+name(i)))
			want = append(want, "chat.joined", "back-in-"+name(i))
		}
		h.commit(batch...)
		expect(t, "events", c.names(), "ready "+strings.Join(want, " "))
		// Its home, the lobby, and the chats that it is in.
		expect(t, "rooms", len(h.broker.memory.rooms), 2+chats-chats/10+chats/50)

		// Of the eighty that are not his any more only the closing word is replayed.
		again := h.open(Start{LastEventID: "2002"})
		h.sleep(time.Second)
		expect(t, "replayed", strings.Count(again.names(), " "), len(want)-80)
		c.cancel()
		again.cancel()
		<-c.done
		<-again.done
		synctest.Wait()
		expect(t, "rooms left", len(h.broker.memory.rooms), 0)
	})
}
