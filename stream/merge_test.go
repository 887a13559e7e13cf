package stream

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// A reader that is far behind in many rooms is given what lies behind in parts; each
// must not cost it a look at all that is left.
func TestALookOverManyRoomsGathersNoMoreThanItGives(t *testing.T) {
	const chats, rounds = 200, 5
	name := func(i int) string { return fmt.Sprintf("c%03d", i) }
	inHouse(t, Options{}, func(h *house) {
		var made, said []chat.Event
		for i := range chats {
			made = append(made, joins(name(i), "ann"))
		}
		h.commit(made...)
		woken := make(wakeUps, 1)
		rd, _, err := h.broker.open(h.t.Context(), &Start{Actor: ann()}, woken)
		if err != nil {
			t.Fatal(err)
		}
		defer h.broker.dismiss(rd)
		for range rounds {
			for i := range chats {
				said = append(said, says(name(i), "bob", name(i)))
			}
		}
		said = h.commit(said...)
		synctest.Wait()

		var found mergeBuffer
		const fit = maxFetch/frameOverhead + 1
		for more := true; more; {
			v := rd.fetch(time.Now(), &found)
			if len(found.frames) > fit {
				t.Fatalf("%d frames were gathered, where %d fill a look", len(found.frames), fit)
			}
			for _, f := range v.frames {
				if f.event.Pos != said[0].Pos {
					t.Fatalf("position %d was found, where %d is next", f.event.Pos, said[0].Pos)
				}
				said = said[1:]
			}
			more = rd.moveTo(v.upTo, v.turn) || v.more
		}
		expect(t, "events that were not found", len(said), 0)
	})
}
