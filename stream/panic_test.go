package stream

import (
	"testing"
	"time"

	"parley/chat"
)

func TestAPanicEndsItsOwnStreamAlone(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		other := h.open(Start{Chat: "lobby"})
		h.commit(joins("den", "ann"))
		c := h.open(Start{Chat: "den"})
		h.log.commit(says("den", "bob", "nothing can be made of its frame"))
		h.broker.mu.Lock()
		h.broker.applied++
		ro := h.broker.memory.rooms[roomKey{chat: "den"}]
		ro.add(&frame{event: chat.Event{Pos: h.broker.applied, Kind: chat.KindMessage, Chat: "den"}}, h.broker.applied-1)
		for _, sub := range ro.subscriptions {
			sub.reader.wakeUp()
		}
		h.broker.mu.Unlock()
		h.sleep(time.Second)
		<-c.done
		expect(t, "streams", h.broker.streams, 1)
		h.broker.Committed(h.log.commit(says("lobby", "bob", "on")))
		h.sleep(3 * time.Second)
		expect(t, "the other goes on", other.names(), "ready on")
		other.cancel()
	})
}
