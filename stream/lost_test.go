package stream

import (
	"strconv"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/sse"
)

// farAhead is where the log goes on behind a failover.
const farAhead = 1_000_000

// failOver loses the end of the log and has the tail read it.
func (h *house) failOver(before int64) {
	h.t.Helper()
	h.log.failOver(before, farAhead)
	h.sleep(3 * time.Second) // a poll
}

// wantReset wants the last reset of a stream to name a place.
func wantReset(t *testing.T, c *client, cursor int64) {
	t.Helper()
	var last sse.Block
	for _, b := range c.blocks() {
		if b.Name == resetName {
			last = b
		}
	}
	want := sse.Block{Name: resetName, Data: `{"reason":"ahead","cursor":` + strconv.FormatInt(cursor, 10) + `}`,
		ID: strconv.FormatInt(cursor, 10), HasData: true, HasID: true}
	expect(t, "reset", last, want)
}

func TestAReaderOfALostPartIsResetOnItsOpenStream(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		kept := h.commit(numbered(1, 3)...)
		chatOnly, all := h.open(Start{Chat: "lobby", After: "2"}), h.open(Start{After: "2"})
		h.commit(numbered(4, 6)...)
		before := kept[2].Pos
		h.failOver(before)
		for _, c := range []*client{chatOnly, all} {
			expect(t, "shown", c.names(), "1 2 3 ready 4 5 6 reset")
			wantReset(t, c, farAhead)
		}
		next := h.commit(numbered(7, 8)...)
		expect(t, "the first id behind", next[0].Pos, int64(farAhead+1))
		for _, c := range []*client{chatOnly, all} {
			expect(t, "goes on", c.names(), "1 2 3 ready 4 5 6 reset 7 8")
			expect(t, "held", c.held(), strconv.FormatInt(next[1].Pos, 10))
			c.cancel()
		}
		// What memory holds is of the log as it goes on.
		again := h.open(Start{Chat: "lobby", After: "2"})
		expect(t, "read again", again.names(), "1 2 3 7 8 ready")
		again.cancel()
	})
}

func TestAReaderThatWasShownNothingOfALostPartNoticesNothing(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(joins("attic", "bob"))
		kept := h.commit(numbered(1, 2)...)
		before := kept[1].Pos
		c, all := h.open(Start{Chat: "lobby"}), h.open(Start{})
		lost := h.commit(says("attic", "bob", "unheard"), says("attic", "bob", "of"))
		late := h.open(Start{Chat: "lobby", After: strconv.FormatInt(kept[0].Pos, 10)}) // opened in the lost part
		h.failOver(before)
		h.commit(numbered(3, 3)...)
		for _, c := range []*client{c, all} {
			expect(t, "events", c.names(), "ready 3")
			c.cancel()
		}
		expect(t, "opened in the lost part", late.names(), "2 ready 3")
		late.cancel()
		reset := h.open(Start{Chat: "lobby", LastEventID: strconv.FormatInt(lost[0].Pos, 10)})
		expect(t, "a client that comes back", reset.names(), "reset ready")
		reset.cancel()
	})
}

func TestAReaderThatAPingToldOfALostPlaceIsReset(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		kept := h.commit(append([]chat.Event{joins("attic", "bob")}, numbered(1, 2)...)...)
		c := h.open(Start{Chat: "lobby"})
		lost := h.commit(says("attic", "bob", "unheard"))
		h.sleep(20 * time.Second) // a ping
		expect(t, "told by the ping", c.held(), strconv.FormatInt(lost[0].Pos, 10))
		h.failOver(kept[2].Pos)
		wantReset(t, c, farAhead)
		c.cancel()
	})
}

func TestALostEndEndsNothingAndALostJoinShowsNothing(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(joins("attic", "bob"))
		kept := h.commit(numbered(1, 1)...)
		all := h.open(Start{})
		bob := h.open(Start{Chat: "attic", Actor: actor("bob", "s-bob")})
		h.commit(joins("attic", "ann"), says("attic", "bob", "lost"))
		attic := h.open(Start{Chat: "attic"})
		h.commit(leaves("lobby", "ann"))
		h.failOver(kept[0].Pos)
		<-attic.done
		expect(t, "a stream by a lost right", attic.names(), "ready bye")
		expect(t, "bye", attic.blocks()[len(attic.blocks())-1].Data, `{"reason":"left"}`)
		h.commit(says("attic", "bob", "not for ann"), says("lobby", "bob", "for ann"))
		expect(t, "over all chats", all.names(), "ready chat.joined lost chat.left reset for ann")
		expect(t, "a stream by a right that was kept", bob.names(), "ready member.joined lost reset not for ann")
		all.cancel()
		bob.cancel()
	})
}

func TestALateBatchOfALostPartIsNotShown(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		kept := h.commit(numbered(1, 1)...)
		c := h.open(Start{Chat: "lobby"})
		late := h.log.commit(numbered(2, 3)...) // not told of
		jump := h.log.failOver(kept[0].Pos, farAhead)
		h.broker.Committed([]chat.Event{jump})
		h.sleep(reorderWindow)
		h.broker.Committed(late)
		h.sleep(3 * time.Second)
		h.commit(numbered(4, 4)...)
		expect(t, "events", c.names(), "ready 4")
		c.cancel()
	})
}

func TestAPartThatWasReadBeforeAFailoverIsNotShown(t *testing.T) {
	inHouse(t, Options{TotalBytes: 1, Ping: time.Hour}, func(h *house) {
		kept := h.commit(numbered(1, 2)...)
		h.commit(numbered(3, 4)...)
		h.log.answerSlow = 5 * time.Second
		chatOnly, all := h.open(Start{Chat: "lobby", After: "2"}), h.open(Start{After: "2"})
		h.failOver(kept[1].Pos)
		h.sleep(20 * time.Second)
		h.log.answerSlow = 0
		h.commit(numbered(5, 5)...)
		h.sleep(10 * time.Second)
		for _, c := range []*client{chatOnly, all} {
			expect(t, "events", c.names(), "1 2 ready 5")
			c.cancel()
		}
	})
}

func TestAStoreThatIsAwayDelaysAResetAndEndsNothing(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		kept := h.commit(numbered(1, 1)...)
		c := h.open(Start{Chat: "lobby"})
		h.commit(numbered(2, 2)...)
		jump := h.log.failOver(kept[0].Pos, farAhead)
		h.log.mu.Lock()
		h.log.openBroken = true
		h.log.mu.Unlock()
		h.broker.Committed([]chat.Event{jump})
		h.sleep(5 * time.Second)
		expect(t, "while it is away", c.names(), "ready 2")
		h.log.mu.Lock()
		h.log.openBroken = false
		h.log.mu.Unlock()
		h.sleep(2 * time.Second)
		expect(t, "when it is back", c.names(), "ready 2 reset")
		wantReset(t, c, farAhead)
		c.cancel()
	})
}

// The tail may never see the part that was lost, and a stream yet have its rights from there.
func TestAReaderThatOpenedAheadOfTheTailInALostPartHasItsRightsReadAnew(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.slow = time.Second
		h.log.commit(deletes("lobby"))
		all := h.open(Start{})
		h.log.failOver(2, farAhead)
		h.sleep(5 * time.Second)
		h.log.slow = 0
		h.commit(numbered(1, 1)...)
		h.sleep(time.Second)
		expect(t, "events", all.names(), "ready reset 1")
		all.cancel()
	})
}
