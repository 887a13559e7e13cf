package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// feed is a log of which memory is told: what it returns adds a batch.
func feed(m *memory) func(events ...chat.Event) {
	pos := int64(0)
	return func(events ...chat.Event) {
		applied := pos
		var grown []*room
		for _, e := range events {
			pos++
			e.Pos = pos
			if e.Message != nil {
				e.Message.ID = pos
			}
			grown = m.add(e, applied, grown)
		}
		m.grew(grown)
	}
}

// follow subscribes a reader to a chat, at a cursor.
func followIn(m *memory, chatID string, cursor int64) *reader {
	rd := &reader{}
	rd.first.reader, rd.cursor = rd, cursor
	m.enter(roomKey{chat: chatID}, 0, &rd.first)
	return rd
}

// ahead is a cursor that has passed everything.
const ahead = 1 << 40

func (m *memory) room(chatID string) *room { return m.rooms[roomKey{chat: chatID}] }

func TestQuietRoomsLeaveABusyOneItsMemory(t *testing.T) {
	const quiet, perRoom = 10_000, 1 << 20
	m := newMemory(16<<20, perRoom)
	grow := feed(m)
	for i := range quiet {
		followIn(m, fmt.Sprint(i), ahead)
	}
	followIn(m, "hot", ahead)
	for range 3 {
		for i := range quiet {
			grow(says(fmt.Sprint(i), "bob", "hello"))
		}
	}
	for range 4000 {
		grow(says("hot", "bob", "hello"))
	}
	if got := m.room("hot").bytes; got < perRoom*9/10 {
		t.Errorf("the busy room keeps %d bytes of %d", got, perRoom)
	}
	for i := range quiet {
		ro := m.room(fmt.Sprint(i))
		if len(ro.frames) == 0 || ro.frames[len(ro.frames)-1].event.Pos != ro.head {
			t.Fatalf("room %d lost its newest batch", i)
		}
	}
	if m.bytes() > m.total {
		t.Errorf("%d bytes are kept", m.bytes())
	}
}

func TestWhatReadersHaveYetToTakeOutlivesWhatTheyHavePassed(t *testing.T) {
	m := newMemory(100_000, 1<<20)
	grow := feed(m)
	late := followIn(m, "late", 0)
	followIn(m, "passed", ahead)
	grow(says("late", "bob", "1"), says("late", "bob", "2"))
	grow(says("late", "bob", "3"))
	for range 1000 {
		grow(says("passed", "bob", "hello"))
	}
	expect(t, "frames that are late", len(m.room("late").frames), 3)
	expect(t, "scarce", m.scarce, false)
	// Once it has passed them they are the oldest, and go, but for the newest batch.
	late.cursor = ahead
	m.dropUnused(time.Now())
	for range 10 {
		grow(says("passed", "bob", "hello"))
	}
	expect(t, "frames that were late", len(m.room("late").frames), 1)
}

func TestTheBudgetHoldsWhateverIsLate(t *testing.T) {
	m := newMemory(50_000, 1<<20)
	grow := feed(m)
	for i := range 300 {
		followIn(m, fmt.Sprint(i), 0)
	}
	for range 3 {
		for i := range 300 {
			grow(says(fmt.Sprint(i), "bob", "hello"))
			if m.bytes() > m.total {
				t.Fatalf("%d bytes are kept", m.bytes())
			}
		}
	}
	expect(t, "scarce", m.scarce, true)
	for i := range 300 {
		m.leave(m.room(fmt.Sprint(i)).subscriptions[0])
	}
	expect(t, "bytes left", m.bytes(), 0)
	expect(t, "rooms with frames left", len(m.byAge), 0)
}

func TestAnApplyDoesNotWalkOverAllRooms(t *testing.T) {
	perPost := func(quiet int) time.Duration {
		m := newMemory(1500*quiet, 1<<20) // always full
		grow := feed(m)
		for i := range quiet {
			followIn(m, fmt.Sprint(i), 0)
		}
		followIn(m, "hot", ahead)
		for range 2 {
			for i := range quiet {
				grow(says(fmt.Sprint(i), "bob", "hello"))
			}
		}
		const posts = 20_000
		began := time.Now()
		for range posts {
			grow(says("hot", "bob", "hello"))
		}
		return time.Since(began) / posts
	}
	few, many := perPost(100), perPost(20_000)
	if many > 10*few+20*time.Microsecond {
		t.Errorf("a post takes %v among 100 rooms and %v among 20,000", few, many)
	}
}

func TestAMessageIsReplacedWhereverMemoryHoldsIt(t *testing.T) {
	m := newMemory(1<<20, 1<<20)
	grow := feed(m)
	followIn(m, "lobby", 0)
	grow(says("lobby", "bob", "1"), says("lobby", "bob", "secret"), says("lobby", "bob", "3"))
	ro := m.room("lobby")
	ro.frames[1].wire(SSE)
	m.recount(ro.frames)
	e := ro.frames[1].event
	shared, own := &segment{room: ro}, &segment{}
	for _, p := range []*segment{shared, own} {
		p.fill(chat.LogPart{Events: []chat.Event{e}, Through: 3})
	}
	m.keep(shared, 0)
	m.keep(own, 1)
	before := m.bytes()

	edited := *e.Message
	edited.Text = strings.Repeat("better ", 100)
	m.replace(chat.Event{Pos: 4, Kind: chat.KindMessageEdited, Chat: "lobby", Message: &edited})
	for name, f := range map[string]*frame{"room": ro.frames[1], "segment": shared.frames[0], "reader's own": own.frames[0]} {
		w, _ := f.wire(SSE)
		if strings.Contains(string(w), "secret") || !strings.Contains(string(w), "better") {
			t.Errorf("%s: %q", name, w)
		}
		expect(t, "position", f.event.Pos, int64(2))
	}
	if grown := m.bytes() - before; grown < 2*600 {
		t.Errorf("memory grew by %d", grown)
	}
	m.recount([]*frame{ro.frames[1]})
	m.leave(ro.subscriptions[0])
	m.forget(own)
	expect(t, "bytes left", m.bytes(), 0)
}

func TestASegmentThatIsOwedIsKeptUntilItWasLookedAt(t *testing.T) {
	m := newMemory(1, 1)
	p := &segment{}
	p.fill(chat.LogPart{Events: []chat.Event{says("lobby", "bob", "hello")}, Through: 1})
	m.keep(p, 2)
	m.pay(p)
	expect(t, "covers", p.covers(0), true)
	m.pay(p)
	expect(t, "covers", p.covers(0), false)
	expect(t, "bytes left", m.bytes(), 0)
}
