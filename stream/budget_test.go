package stream

import (
	"fmt"
	"testing"
	"time"
)

func TestBusyRoomsMakeRoomAndQuietOnesKeepTheirFrames(t *testing.T) {
	const busy, budget = 8, 200_000
	name := func(i int) string { return fmt.Sprintf("busy%d", i) }
	inHouse(t, Options{RoomBytes: 100_000, TotalBytes: budget}, func(h *house) {
		for i := range busy {
			h.commit(joins(name(i), "ann"))
		}
		quiet := h.open(Start{Chat: "lobby"})
		var there []*client
		for i := range busy {
			there = append(there, h.open(Start{Chat: name(i)}))
		}
		h.commit(numbered(1, 3)...)
		for range 200 {
			for i := range busy {
				h.commit(says(name(i), "bob", "hello"))
			}
		}
		b := h.broker
		room := func(chat string) *room { return b.rooms[roomKey{chat: chat}] }
		expect(t, "frames of the quiet room", len(room("lobby").frames), 3)
		expect(t, "within the budget", b.bytes <= budget, true)
		expect(t, "and not by much", b.bytes > budget/4, true)

		// Each of them is full as it is, and so posts into it can be held.
		ro := room(name(0))
		ro.subscriptions[0].reader.reached = 0
		ro.press(b.roomBytes)
		expect(t, "held", b.hold(name(0)) > 0, true)

		for _, c := range there {
			c.cancel()
			<-c.done
		}
		for range 20 {
			h.commit(says("lobby", "bob", "hello"))
		}
		expect(t, "what a room may keep", b.roomBytes, 100_000)
		quiet.cancel()
		h.sleep(time.Second)
	})
}
