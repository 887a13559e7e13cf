package stream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// A frame that memory drops at once leaves no trace in its room but the position that the
// room has come to.
func TestNoEventWaitsForAPingHoweverShortMemoryIs(t *testing.T) {
	for _, s := range []Start{{Chat: "lobby"}, {}} {
		for _, o := range []Options{{TotalBytes: 1}, {RoomBytes: 1}, {TotalBytes: 2000}} {
			o.Ping = time.Hour
			t.Run(fmt.Sprintf("%q %d %d", s.Chat, o.RoomBytes, o.TotalBytes), func(t *testing.T) {
				inHouse(t, o, func(h *house) {
					h.log.slow = time.Millisecond
					c := h.open(s)
					h.sleep(10 * time.Millisecond)
					var want []string
					// Each comes while the one before is read from the log.
					for i := range 20 {
						h.commit(numbered(i, i)...)
						want = append(want, fmt.Sprint(i))
						h.sleep(300 * time.Microsecond)
					}
					h.sleep(100 * time.Millisecond)
					expect(t, "events", c.names(), "ready "+strings.Join(want, " "))
					c.cancel()
				})
			})
		}
	}
}

// What a wake costs a reader over all chats depends on the rooms in which something
// happened, and not on those that it follows.
func TestAWakeLooksAtTheRoomsThatWereTouchedAlone(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		var made []chat.Event
		for i := range 1000 {
			made = append(made, joins(fmt.Sprintf("c%03d", i), "ann"))
		}
		h.commit(made...)
		woken := make(wakeUps, 1)
		rd, _, err := h.broker.open(h.t.Context(), &Start{Actor: ann()}, woken)
		if err != nil {
			t.Fatal(err)
		}
		defer h.broker.dismiss(rd)
		for rd.moveTo(rd.broker.position(), nil) {
		}
		h.commit(says("c007", "bob", "1"), says("c007", "bob", "2"), says("c500", "bob", "3"))
		expect(t, "touched", len(rd.touched), 2)
		var found mergeBuffer
		v := rd.fetch(time.Now(), &found)
		expect(t, "frames", len(v.frames), 3)
		expect(t, "more behind the first", rd.moveTo(v.frames[0].event.Pos, nil), true)
		expect(t, "touched", len(rd.touched), 2)
		expect(t, "more behind the second", rd.moveTo(v.frames[1].event.Pos, nil), true)
		expect(t, "touched", len(rd.touched), 1)
		expect(t, "more behind all", rd.moveTo(v.upTo, nil), false)
		expect(t, "touched", len(rd.touched), 0)
	})
}

// An event may come, and memory drop it, between a reader's look and its next move.
func TestAnEventThatComesBetweenALookAndAMoveIsSeen(t *testing.T) {
	for _, s := range []Start{{Chat: "lobby"}, {}} {
		inHouse(t, Options{RoomBytes: 1, TotalBytes: 1, Ping: time.Hour}, func(h *house) {
			s := s
			s.Actor = ann()
			woken := make(wakeUps, 1)
			rd, _, err := h.broker.open(h.t.Context(), &s, woken)
			if err != nil {
				t.Fatal(err)
			}
			defer h.broker.dismiss(rd)
			var found mergeBuffer
			h.commit(numbered(1, 1)...)
			rd.fetch(time.Now(), &found)
			synctest.Wait() // the log is read
			v := rd.fetch(time.Now(), &found)
			select {
			case <-woken:
			default:
			}
			h.commit(numbered(2, 2)...)
			more := rd.moveTo(v.upTo, v.turn) || v.more
			expect(t, "more", more || len(woken) > 0, true)
		})
	}
}
