package stream

import (
	"strconv"
	"testing"
	"time"
)

func TestABatchThatArrivesALittleLateCostsNoReadOfTheLog(t *testing.T) {
	inHouse(t, Options{Poll: time.Hour, Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(time.Second)
		reads := h.log.tailReads
		for i := range 1000 {
			others, own := h.log.commit(numbered(2*i, 2*i)...), h.log.commit(numbered(2*i+1, 2*i+1)...)
			h.broker.Committed(own)
			h.sleep(time.Millisecond)
			h.broker.Committed(others)
			h.sleep(time.Millisecond)
		}
		expect(t, "reads", h.log.tailReads-reads, 0)
		expect(t, "held", c.held(), strconv.Itoa(len(h.log.events)))

		// One that never arrives is read within the window, and so are those above it.
		h.log.commit(numbered(2000, 2000)...)
		for i := range 10 {
			h.broker.Committed(h.log.commit(numbered(2001+i, 2001+i)...))
			h.sleep(time.Millisecond)
		}
		expect(t, "reads", h.log.tailReads-reads, 1)
		expect(t, "held", c.held(), strconv.Itoa(len(h.log.events)))
		c.cancel()
	})
}

func TestAHoleThatTheLogCannotFillYetIsFilledByThePoll(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.log.setBroken(true)
		h.log.commit(numbered(1, 1)...)
		h.broker.Committed(h.log.commit(numbered(2, 2)...))
		h.sleep(time.Second)
		h.log.setBroken(false)
		h.sleep(3 * time.Second)
		expect(t, "events", c.names(), "ready 1 2")
		c.cancel()
	})
}
