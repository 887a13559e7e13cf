package stream

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostsAreHeldWhileMostReadersAreFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, fast: true, log: newMemLog()}
		h.broker = New(h.log, Options{})
		h.commit(joins("lobby", "ann"))
		var readers []*reader
		for range 10 {
			rd := newReader(h.broker, &Start{Actor: ann(), Chat: "lobby"}, make(wakeUps, 1))
			readers = append(readers, rd)
			h.broker.enter(roomKey{chat: "lobby"}, &rd.first)
		}
		m := h.broker.memory
		ro := m.rooms[roomKey{chat: "lobby"}]
		for _, e := range h.log.commit(numbered(1, 100)...) {
			m.add(e, e.Pos-1, nil)
		}
		held := func(limit int) time.Duration {
			m.perRoom = limit
			began := time.Now()
			h.broker.Hold(t.Context(), "lobby")
			return time.Since(began)
		}
		all := func(cursor int64, live, halted bool) {
			for _, rd := range readers {
				rd.cursor, rd.live = cursor, live
				rd.halted.Store(halted)
			}
		}
		all(ro.head, true, false)
		expect(t, "all are there", held(ro.bytes), time.Duration(0))
		all(0, true, false)
		expect(t, "all are behind", held(ro.bytes), maxHold)
		expect(t, "there is much room", held(10*ro.bytes), time.Duration(0))
		all(0, true, true)
		expect(t, "they have stopped reading", held(ro.bytes), time.Duration(0))
		all(0, false, false)
		expect(t, "they read back", held(ro.bytes), time.Duration(0))
		all(ro.head, true, false)
		readers[3].cursor = 0
		expect(t, "one is behind", held(ro.bytes), time.Duration(0))
		for _, rd := range readers[3:8] {
			rd.cursor = 0
		}
		expect(t, "half of them are", held(ro.bytes), time.Duration(0))
		all(ro.head-40, true, false)
		expect(t, "all are a little behind", held(ro.bytes), time.Duration(0))
		all(ro.head-60, true, false)
		expect(t, "all are in the older half", held(ro.bytes), maxHold/2)
		all(ro.head, true, false)
		expect(t, "they have caught up, and nothing was posted", held(ro.bytes), time.Duration(0))
		began := time.Now()
		h.broker.Hold(t.Context(), "elsewhere")
		expect(t, "another chat's", time.Since(began), time.Duration(0))
	})
}

func TestPostsAreNotHeldForReadersThatReadBack(t *testing.T) {
	inTightHouse(t, Options{RoomBytes: 100_000, Ping: time.Hour, Patience: time.Hour}, func(h *house) {
		h.commit(numbered(1, 2000)...)
		var live, back []*client
		for range 5 {
			live = append(live, h.open(Start{Chat: "lobby"}))
		}
		h.log.slow = 50 * time.Millisecond
		for range 8 {
			back = append(back, h.open(Start{Chat: "lobby", After: "earliest"}))
		}
		var held time.Duration
		for i := range 200 {
			held += h.broker.hold("lobby")
			h.commit(numbered(i, i)...)
			h.sleep(time.Millisecond)
		}
		expect(t, "held", held, time.Duration(0))
		for _, c := range append(live, back...) {
			c.cancel()
		}
	})
}

func TestPostsAreNotHeldForThoseWhoHaveStoppedReading(t *testing.T) {
	atPort(t, Options{RoomBytes: 100_000, Patience: time.Minute}, func(p *port) {
		other := p.listen(follow)
		for range 3 {
			p.dial(follow).SetReadBuffer(4096)
		}
		eventually(p.t, "all are open", func() bool { return p.open() == 4 })
		last := 0
		say := func(count int) {
			p.say(last+1, last+count)
			last += count
			other.until(strconv.Itoa(last))
		}
		for range 20 {
			say(100) // together more than the kernel keeps of a connection
		}
		// The one who listens may not have moved yet when a post asks.
		eventually(p.t, "posts are not held", func() bool {
			say(1)
			return p.broker.hold("lobby") == 0
		})
		expect(p.t, "open", p.open(), 4)
	})
}

func TestBusyRoomsThatShareABudgetCanBeHeldEach(t *testing.T) {
	const busy, budget = 8, 200_000
	name := func(i int) string { return fmt.Sprintf("busy%d", i) }
	m := newMemory(budget, 100_000)
	var readers []*reader
	for i := range busy {
		rd := &reader{position: position{live: true}}
		rd.first.reader = rd
		readers = append(readers, rd)
		m.enter(roomKey{chat: name(i)}, 0, &rd.first)
	}
	grow := feed(m)
	for range 200 {
		for i := range busy {
			grow(says(name(i), "bob", "hello"))
			readers[i].cursor = m.room(name(i)).since // it only just keeps up
		}
	}
	for i := range busy {
		if m.hold(name(i)) == 0 {
			t.Errorf("posts to %s are not held", name(i))
		}
	}
	for _, rd := range readers {
		rd.cursor = m.rooms[roomKey{chat: name(0)}].head + busy
	}
	for i := range busy {
		expect(t, "held, when all have read", m.hold(name(i)), time.Duration(0))
	}
}
