package stream

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostsAreHeldWhileMostReadersAreFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, fast: true, log: newMemLog()}
		h.broker = New(h.log, Options{RoomBytes: 100_000})
		h.commit(joins("lobby", "ann"))
		ro := &room{}
		var readers []*reader
		for range 10 {
			rd := newReader(h.broker, &Start{Actor: ann(), Chat: "lobby"}, make(wakeUps, 1))
			readers = append(readers, rd)
			ro.subscriptions = append(ro.subscriptions, &subscription{reader: rd, room: ro})
		}
		h.broker.rooms[roomKey{chat: "lobby"}] = ro
		for _, e := range h.log.commit(numbered(1, 100)...) {
			ro.add(newFrame(e))
		}
		newest := ro.newest()
		held := func(limit int) time.Duration {
			ro.press(limit)
			began := time.Now()
			h.broker.Hold(t.Context(), "lobby")
			return time.Since(began)
		}
		all := func(reached int64, halted bool) {
			for _, rd := range readers {
				rd.reached = reached
				rd.halted.Store(halted)
			}
		}
		all(newest, false)
		expect(t, "all are there", held(ro.bytes), time.Duration(0))
		all(0, false)
		expect(t, "all are behind", held(ro.bytes), maxHold)
		expect(t, "there is much room", held(10*ro.bytes), time.Duration(0))
		all(0, true)
		expect(t, "they have stopped reading", held(ro.bytes), time.Duration(0))
		all(newest, false)
		readers[3].reached = 0
		expect(t, "one is behind", held(ro.bytes), time.Duration(0))
		all(newest-40, false)
		expect(t, "all are a little behind", held(ro.bytes), time.Duration(0))
		all(newest-60, false)
		expect(t, "all are in the older half", held(ro.bytes), maxHold/2)
		began := time.Now()
		h.broker.Hold(t.Context(), "elsewhere")
		expect(t, "another chat's", time.Since(began), time.Duration(0))
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
		// The one who listens may not have moved yet when the tail looks at him.
		eventually(p.t, "posts are not held", func() bool {
			say(1)
			return p.broker.hold("lobby") == 0
		})
		expect(p.t, "open", p.open(), 4)
	})
}
