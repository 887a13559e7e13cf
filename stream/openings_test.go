package stream

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

func TestACrowdThatOpensIsReadInFewQueries(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = 10 * time.Millisecond
		const crowd = 1000
		var clients []*client
		for range crowd {
			clients = append(clients, h.open(Start{Chat: "lobby"}))
		}
		h.sleep(time.Second)
		for _, c := range clients {
			expect(t, "the crowd", c.names(), "ready")
		}
		if most := maxOpeningReads + crowd/maxOpening + 1; h.log.opens > most {
			t.Errorf("%d queries, more than %d", h.log.opens, most)
		}
	})
}

func TestAllChatsOfAUserAreReadByOneQueryAtATime(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = 10 * time.Millisecond
		var many []*client
		open := func(n int) {
			for range n {
				many = append(many, h.open(Start{}))
			}
		}
		open(1)
		h.sleep(time.Millisecond)
		open(20) // they wait for the first one's query, and share the next
		stranger := h.open(Start{Chat: "lobby"})
		h.sleep(11 * time.Millisecond)
		expect(t, "a stream of one chat", stranger.names(), "ready")
		opens := func() int {
			h.log.mu.Lock()
			defer h.log.mu.Unlock()
			return h.log.opens
		}
		expect(t, "queries", opens(), 2)
		h.sleep(10 * time.Millisecond)
		expect(t, "queries", opens(), 3)
		for _, c := range many {
			expect(t, "a stream over all chats", c.names(), "ready")
		}
		h.broker.openings.mu.Lock()
		defer h.broker.openings.mu.Unlock()
		expect(t, "users whose chats are read", len(h.broker.openings.users), 0)
	})
}

// crowdOf makes accounts, each in so many chats.
func (h *house) crowdOf(accounts, chats int) (crowd []chat.Actor) {
	var made []chat.Event
	for n := range accounts {
		name := fmt.Sprintf("u%d", n)
		crowd = append(crowd, actor(name, "s-"+name))
		for i := range chats {
			made = append(made, joins(fmt.Sprintf("c%d", i), name))
		}
	}
	h.commit(made...)
	return crowd
}

func TestACrowdOfAccountsOfManyChatsIsReadAFewToAQuery(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		const accounts, chats = 100, 10
		h.log.openSlow, h.log.openMost = 10*time.Millisecond, chats*maxAccounts
		var clients []*client
		for _, a := range h.crowdOf(accounts, chats) {
			clients = append(clients, h.open(Start{Actor: a}), h.open(Start{Actor: a}))
		}
		h.sleep(time.Second)
		for _, c := range clients {
			expect(t, "the crowd", c.names(), "ready")
		}
		if most := maxOverAllReads + accounts/maxAccounts + 1; h.log.opens > most {
			t.Errorf("%d queries, more than %d", h.log.opens, most)
		}
	})
}

func TestAQueryOverAllChatsThatFailsRefusesItsOwnOpeningsAlone(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow, h.log.openMost = time.Second, 20
		crowd := h.crowdOf(50, 2)
		var made []chat.Event
		for i := range h.log.openMost + 1 {
			made = append(made, joins(fmt.Sprintf("d%d", i), "eve"))
		}
		h.commit(made...)
		large := h.open(Start{Actor: actor("eve", "s-eve")})
		var others []*client
		for _, a := range crowd {
			others = append(others, h.open(Start{Actor: a}), h.open(Start{Chat: "lobby"}))
		}
		h.sleep(time.Second)
		expect(t, "of too many chats", large.err, error(chat.ErrUnavailable))
		h.sleep(10 * time.Second)
		for _, c := range others {
			expect(t, "another", c.names(), "ready")
		}
	})
}

func TestAnOpeningOfOneChatDoesNotWaitForThoseOverAllChats(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = time.Second
		for _, a := range h.crowdOf(10*maxAccounts, 1) {
			h.open(Start{Actor: a})
		}
		stranger := h.open(Start{Chat: "lobby"})
		h.sleep(time.Second)
		expect(t, "the stranger", stranger.names(), "ready")
	})
}

func TestAStoreThatIsDownRefusesAllThatWait(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = time.Second
		crowd := h.crowdOf(20*maxAccounts, 1)
		h.log.setBroken(true)
		var refused []*client
		for _, a := range crowd {
			refused = append(refused, h.open(Start{Actor: a}))
		}
		h.sleep(time.Second)
		for _, c := range refused {
			if !c.ended() || !errors.Is(c.err, chat.ErrUnavailable) {
				t.Fatalf("ended %v, %v", c.ended(), c.err)
			}
		}
	})
}

func TestOneOpeningThatFailsOrIsForbiddenFailsNoOther(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = 10 * time.Millisecond
		var good, forbidden, failing []*client
		for range 3 * maxOpeningReads {
			good = append(good, h.open(Start{Chat: "lobby"}))
			forbidden = append(forbidden, h.open(Start{Chat: "nowhere"}))
			failing = append(failing, h.open(Start{Chat: unaskable}))
		}
		h.sleep(10 * time.Second)
		for i := range good {
			expect(t, "a good one", good[i].names(), "ready")
			expect(t, "a forbidden one", forbidden[i].err, error(chat.ErrNotFound))
			if err := failing[i].err; err == nil || errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("a failing one: %v", err)
			}
		}
	})
}

func TestAStreamThatGoesWhileItWaitsToOpenLeavesNothingBehind(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = time.Second
		for range 10 * maxOpeningReads {
			h.open(Start{Chat: "lobby"}).cancel()
		}
		h.sleep(500 * time.Millisecond)
		expect(t, "rooms", len(h.broker.memory.rooms), 0)
		expect(t, "streams", h.broker.streams, 0)
		expect(t, "subscriptions", h.broker.subscriptions, 0)
	})
}

func TestSubscriptionsAreBoundedInTotal(t *testing.T) {
	inHouse(t, Options{Limits: Limits{Subscriptions: 250}}, func(h *house) {
		var made []chat.Event
		for i := range 100 {
			made = append(made, joins(fmt.Sprint(i), "ann"))
		}
		h.commit(made...)
		first, second := h.open(Start{}), h.open(Start{})
		third := h.open(Start{})
		<-third.done
		if !errors.Is(third.err, chat.ErrTooManyStreams) {
			t.Errorf("the third: %v", third.err)
		}
		one := h.open(Start{Chat: "lobby"})
		expect(t, "one chat", one.names(), "ready")
		first.cancel()
		<-first.done
		synctest.Wait()
		expect(t, "the end of one made room", h.open(Start{}).names(), "ready")
		second.cancel()
		h.commit(leaves("7", "ann"))
		h.broker.Drain()
		expect(t, "subscriptions left", h.broker.subscriptions, 0)
	})
}

// A stream that takes its subscriptions in slices misses nothing and doubles nothing
// of what happens between them.
func TestStreamsThatOpenAmidPostsJoinsAndLeavesAreGivenTheirPartOfTheLog(t *testing.T) {
	const chats, rounds = 300, 20
	name := func(i int) string { return fmt.Sprintf("c%03d", i%chats) }
	log := newMemLog()
	var made []chat.Event
	for i := range chats {
		made = append(made, joins(name(i), "ann"))
	}
	log.commit(made...)
	b := New(log, Options{Poll: 10 * time.Millisecond, RoomBytes: 5000, TotalBytes: 100_000})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stop := make(chan struct{})
	var posting sync.WaitGroup
	posting.Go(func() {
		for i := 0; ; i += 7 {
			select {
			case <-stop:
				return
			default:
			}
			b.Committed(log.commit(says(name(i), "bob", "a"), leaves(name(i), "ann"), says(name(i), "bob", "unseen"),
				joins(name(i), "ann"), says(name(i+1), "bob", "b")))
			time.Sleep(50 * time.Microsecond)
		}
	})
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for range rounds {
				readSome(t, b, log)
			}
		})
	}
	reading.Wait()
	close(stop)
	posting.Wait()
}

// readSome opens a reader over all of ann's chats, and compares what it is given with the
// contract.
func readSome(t *testing.T, b *Broker, log *memLog) {
	woken := make(wakeUps, 1)
	rd, _, err := b.open(t.Context(), &Start{Actor: ann()}, woken)
	if err != nil {
		t.Error(err)
		return
	}
	defer b.dismiss(rd)
	from, opened := rd.cursor, rd.opened
	var got []int64
	var found mergeBuffer
	for deadline := time.Now().Add(patience); rd.cursor < opened+100; {
		v := rd.fetch(time.Now(), &found)
		if !v.waits {
			for _, f := range v.frames {
				got = append(got, f.event.Pos)
			}
			if rd.moveTo(v.upTo, v.turn) || v.more {
				continue
			}
		}
		select {
		case <-woken:
		case <-time.After(time.Until(deadline)):
			t.Errorf("nothing woke the reader at %d", rd.cursor)
			return
		}
	}
	log.mu.Lock()
	want := expected(log.events, log.intervals("ann"), opened, from, rd.cursor)
	log.mu.Unlock()
	for i, e := range want {
		if i >= len(got) || got[i] != e.Pos {
			t.Errorf("event %d behind %d is not %d", i, from, e.Pos)
			return
		}
	}
	expect(t, "events", len(got), len(want))
}
