package stream

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestAnEditReachesWhatMemoryHolds(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		live := h.open(Start{Actor: ann(), Chat: "lobby"}) // keeps the room
		committed := h.commit(says("lobby", "bob", "SECRET"), says("lobby", "bob", "between"))
		h.commit(edits("lobby", committed[0].Message.ID, "open"))
		events, _ := h.page(Start{Chat: "lobby", After: "2"}, 0)
		expect(t, "from memory", events, "open between "+string(chat.KindMessageEdited))
		expect(t, "reads of the log", h.log.pages, 0)
		if told := live.text(); strings.Count(told, `"text":"open"`) != 1 {
			t.Errorf("live is %s", told)
		}
	})
}

// everywhere runs a test with a stream of a chat and with one over all.
func everywhere(t *testing.T, o Options, test func(h *house, s Start)) {
	for name, s := range map[string]Start{"of a chat": {Chat: "lobby"}, "over all chats": {}} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, o, func(h *house) { test(h, s) })
		})
	}
}

// wantNowhere wants a text not to have come.
func (c *client) wantNowhere(text string) {
	c.t.Helper()
	if told := c.text(); strings.Contains(told, text) {
		c.t.Errorf("%q came: %s", text, told)
	}
}

// What is read from the log may be younger than what memory holds.
func TestATextThatWasShownAsReplacedDoesNotComeBackFromMemory(t *testing.T) {
	everywhere(t, Options{RoomBytes: 1, Ping: time.Hour}, func(h *house, s Start) {
		live := h.open(s) // keeps the room
		said := h.commit(numbered(1, 1)...)[0].Message.ID
		h.commit(numbered(2, 2)...)
		s.After = strconv.FormatInt(said-1, 10)
		h.log.setSlow(time.Second)
		late := h.open(s) // which is before the deletion
		h.commit(edits("lobby", said, "SECRET"))
		h.log.failTail(0)
		h.log.commit(edits("lobby", said, "open"))
		h.sleep(3 * time.Second)
		after := h.open(s) // which is behind it
		h.sleep(3 * time.Second)
		for _, c := range []*client{late, after} {
			c.wantNowhere("SECRET")
			expect(t, "before the tail knows", c.names(), "")
		}
		h.log.setSlow(0)
		h.log.failTail(-1)
		h.sleep(5 * time.Second)
		for _, c := range []*client{late, after} {
			c.wantNowhere("SECRET")
			expect(t, "events", strings.ReplaceAll(c.names(), " ready", ""), "open 2 message.edited message.edited")
			c.cancel()
		}
		live.cancel()
	})
}

// Another instance may have answered an edit of which this one has yet to hear.
func TestAStreamShowsNoTextThatWasReplacedBeforeItOpened(t *testing.T) {
	everywhere(t, Options{Ping: time.Hour}, func(h *house, s Start) {
		live := h.open(s) // keeps the room
		said := h.commit(says("lobby", "bob", "SECRET"))[0].Message.ID
		h.log.failTail(0)
		h.log.commit(edits("lobby", said, "open"))
		s.After = strconv.FormatInt(said-1, 10)
		c := h.open(s)
		expect(t, "before the tail knows", c.names(), "")
		h.log.failTail(-1)
		h.sleep(3 * time.Second)
		expect(t, "events", c.names(), "open message.edited ready")
		c.wantNowhere("SECRET")
		c.cancel()
		live.cancel()
	})
}

func TestAnEditReachesWhatIsBeingReadOfTheLog(t *testing.T) {
	everywhere(t, Options{RoomBytes: 1, Ping: time.Hour}, func(h *house, s Start) {
		live := h.open(s) // keeps the room
		said := h.commit(numbered(1, 1)...)[0].Message.ID
		h.commit(edits("lobby", said, "SECRET"))
		h.log.answerSlow = time.Second
		s.After = strconv.FormatInt(said-1, 10)
		first := h.open(s)
		h.commit(edits("lobby", said, "open")) // behind the snapshot, before the answer
		h.sleep(5 * time.Second)
		second := h.open(s) // from what was read then
		h.sleep(5 * time.Second)
		for _, c := range []*client{first, second} {
			c.wantNowhere("SECRET")
			expect(t, "events", strings.Fields(c.names())[0], "open")
			c.cancel()
		}
		live.cancel()
	})
}

func TestAReadThatTooManyEditsOvertakeIsReadAgain(t *testing.T) {
	everywhere(t, Options{RoomBytes: 1, TotalBytes: 1, Ping: time.Hour}, func(h *house, s Start) {
		live := h.open(s)
		long := strings.Repeat("x", 2000)
		said := h.commit(numbered(1, maxReplacedBytes/len(long)+1)...)
		last := said[len(said)-3].Pos
		h.commit(says("lobby", "bob", "behind"))
		h.log.answerSlow = time.Second
		s.After, s.Limit = strconv.FormatInt(last, 10), 2
		c := h.open(s)
		for _, e := range said {
			h.commit(edits("lobby", e.Message.ID, long))
		}
		h.sleep(10 * time.Second)
		expect(t, "events", c.names(), long+" "+long+" bye")
		live.cancel()
	})
}

// Edits of what is no part of it do not count.
func TestAReadIsNotOvertakenByEditsOfWhatItDoesNotShow(t *testing.T) {
	everywhere(t, Options{RoomBytes: 1, TotalBytes: 1, Ping: time.Hour}, func(h *house, s Start) {
		live := h.open(s)
		said := h.commit(numbered(1, 1)...)[0].Pos
		h.commit(numbered(2, 2)...)
		h.log.answerSlow = time.Second
		s.After, s.Limit = strconv.FormatInt(said-1, 10), 1
		c := h.open(s)
		long := strings.Repeat("x", 2000)
		behind := h.commit(numbered(3, 3+maxReplacedBytes/len(long))...)
		for _, e := range behind {
			h.commit(edits("lobby", e.Message.ID, long))
		}
		h.sleep(1100 * time.Millisecond) // it would be read again a second later, about
		expect(t, "events", c.names(), "1 bye")
		live.cancel()
	})
}

// A part of the log may be younger than the tail, which is told and reads on at once.
func TestAPartThatIsYoungerThanTheTailIsShownAtOnce(t *testing.T) {
	everywhere(t, Options{RoomBytes: 1, Ping: time.Hour, Poll: time.Hour}, func(h *house, s Start) {
		live := h.open(s)
		said := h.commit(numbered(1, 1)...)[0].Pos
		h.commit(numbered(2, 2)...)
		h.log.setSlow(time.Second)
		s.After = strconv.FormatInt(said-1, 10)
		c := h.open(s)
		h.log.commit(numbered(3, 3)...)
		h.sleep(2 * time.Second) // the part's read, and the tail's
		expect(t, "the first", strings.HasPrefix(c.names(), "1"), true)
		for _, c := range []*client{live, c} {
			c.cancel()
		}
	})
}

// While the tail cannot read the log, no more of it is read for readers than they have places.
func TestNothingIsReadAheadOfATailThatStands(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1, Ping: time.Hour}, func(h *house) {
		live := h.open(Start{})
		h.commit(numbered(1, 1)...)
		h.commit(numbered(2, 2)...)
		h.log.setSlow(time.Second)
		var readers []*client
		for i := range 3 * maxReads {
			readers = append(readers, h.open(Start{After: "2", Actor: actor("ann", fmt.Sprint("s-", i))}))
		}
		h.log.failTail(0)
		h.log.commit(numbered(3, 3)...)
		h.sleep(time.Minute)
		h.broker.mu.Lock()
		expect(t, "parts in memory", h.broker.memory.owed.Len()+h.broker.memory.segments.Len(), 0)
		expect(t, "parts being read", len(h.broker.memory.reading) <= maxReads, true)
		h.broker.mu.Unlock()
		h.log.failTail(-1)
		h.sleep(30 * time.Second)
		for _, c := range readers {
			expect(t, "events", strings.ReplaceAll(c.names(), " ready", ""), "1 2 3")
			c.cancel()
		}
		live.cancel()
	})
}

func TestALostEditIsForgotten(t *testing.T) {
	for _, bytes := range []int{1, 1 << 20} { // what is read of the log, and what is in rooms
		inHouse(t, Options{RoomBytes: bytes}, func(h *house) {
			live := h.open(Start{Chat: "lobby"})
			said := h.commit(numbered(1, 1)...)[0].Message.ID
			before := h.commit(numbered(2, 2)...)[0].Pos
			h.commit(edits("lobby", said, "LOST"))
			behind := Start{Chat: "lobby", After: strconv.FormatInt(said-1, 10)}
			first := h.open(behind)
			expect(t, "before it is lost", first.names(), "LOST 2 message.edited ready")
			h.failOver(before)
			again := h.open(behind)
			expect(t, "events", again.names(), "1 2 ready")
			for _, c := range []*client{live, first, again} {
				c.cancel()
			}
		})
	}
}

// A page that was read of the log may be of messages as they were edited behind it. Others, or the
// rest, may be read behind the failover before the jump is.
func TestAnEditThatIsLostBehindAPageIsForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		pages int
		late  bool
	}{"the jump in the next page": {1, false}, "pages before the jump": {3, false}, "the rest before the jump": {1, true}} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, Options{Ping: time.Hour}, func(h *house) {
				live := h.open(Start{Chat: "lobby"})
				h.log.failTail(1)
				said := h.log.commit(says("lobby", "bob", "kept"))[0].Message.ID
				h.log.commit(numbered(1, test.pages*tailPage)...)
				before := h.log.head()
				h.log.commit(edits("lobby", said, "LOST"))
				h.sleep(3 * time.Second) // a poll
				expect(t, "the tail is at", h.broker.position(), said-1+tailPage)
				h.log.failTail(-1)
				if test.late {
					h.log.lose(before)
					h.sleep(3 * time.Second)
				}
				h.failOver(before)
				again := h.open(Start{Chat: "lobby", After: strconv.FormatInt(said-1, 10)})
				again.wantNowhere("LOST")
				expect(t, "first", strings.Fields(again.names())[0], "kept")
				live.cancel()
				again.cancel()
			})
		})
	}
}

func TestWhatFollowsAJumpBehindHalfOfAReadIsShown(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		h.commit(joins("attic", "bob"))
		all := h.open(Start{})
		h.log.failTail(1)
		h.log.commit(numbered(1, tailPage)...)
		before := h.log.commit(says("attic", "bob", "not for ann"))[0].Pos
		h.log.commit(edits("lobby", before-1, "LOST"))
		h.sleep(3 * time.Second) // a poll
		expect(t, "the tail is at", h.broker.position(), before-1)
		h.log.failOver(before, farAhead)
		h.log.commit(says("lobby", "bob", "next"))
		h.log.failTail(-1)
		h.sleep(3 * time.Second)
		expect(t, "the last", strings.HasSuffix(all.names(), " next"), true)
		all.cancel()
	})
}

func TestAPartThatIsReadBesideAPageIsNotOlderThanIt(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1, Ping: time.Hour}, func(h *house) {
		live := h.open(Start{Chat: "lobby"})
		said := h.commit(says("lobby", "bob", "first"))[0].Message.ID
		h.commit(numbered(1, 300)...)
		h.commit(edits("lobby", said, "early"))
		h.commit(numbered(301, 310)...)
		h.log.setSlow(time.Second)
		h.log.answerSlow = 10 * time.Second
		first := h.open(Start{Chat: "lobby", After: strconv.FormatInt(said-1, 10)})
		second := h.open(Start{Chat: "lobby", After: strconv.FormatInt(said+255, 10)})
		h.log.failTail(0)
		h.log.commit(edits("lobby", said, "SECRET"))
		h.sleep(13 * time.Second)
		h.log.setSlow(0)
		h.log.commit(numbered(400, 400+tailPage)...)
		h.log.commit(edits("lobby", said, "open")) // behind the first page
		h.log.failTail(1)
		h.sleep(24 * time.Second)
		for _, c := range []*client{first, second} {
			told := c.text()
			if open := strings.Index(told, "open"); open >= 0 && strings.LastIndex(told, "SECRET") > open {
				t.Errorf("SECRET came behind open")
			}
		}
		h.log.failTail(-1)
		h.sleep(time.Minute)
		for _, c := range []*client{live, first, second} {
			c.cancel()
		}
	})
}

// A read of the log that fails halfway has shown what the whole of it knows.
func TestWhatWasOfferedDoesNotOvertakeARead(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		said := h.commit(says("lobby", "bob", "first"))[0].Message.ID
		h.log.failTail(1)
		h.log.commit(edits("lobby", said, "second"))
		h.log.commit(numbered(1, tailPage)...)
		offered := h.log.commit(edits("lobby", said, "SECRET"))
		h.log.commit(edits("lobby", said, "open"))
		h.sleep(3 * time.Second) // a poll reads one page
		if !strings.Contains(c.text(), "open") {
			t.Fatalf("the first page did not come: %s", c.names())
		}
		h.broker.Committed(h.log.events[offered[0].Pos-2 : offered[0].Pos])
		h.sleep(time.Second)
		c.wantNowhere("SECRET")
		h.log.failTail(-1)
		h.sleep(3 * time.Second)
		c.wantNowhere("SECRET")
		c.cancel()
	})
}
