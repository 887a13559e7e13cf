package stream

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// come opens a stream of a user over chats, or over the one that s names, without a connection.
func come(t testing.TB, b *Broker, s Start, chats ...string) *reader {
	t.Helper()
	rd := newReader(b, &s, make(wakeUps, 1))
	if err := b.admit(rd); err != nil {
		t.Fatal(err)
	}
	if _, err := b.settleIn(rd, chat.Opening{Chats: chats}); err != nil {
		t.Fatal(err)
	}
	if rd.overAll() {
		b.subscribe(rd, chats)
	}
	b.appear(rd)
	return rd
}

func as(name string) Start { return Start{Actor: actor(name, "s-"+name)} }

func manyChats(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("chat-%05d", i))
	}
	return ids
}

// A subscription and a departure that are nil end the process where they are looked at.
func TestThePresentAreListedAndCountedWithoutALookAtReaders(t *testing.T) {
	b := New(newMemLog(), Options{})
	come(t, b, as("ann"), "lobby", "den")
	come(t, b, as("ann"), "lobby")
	b.dismiss(come(t, b, as("bob"), "lobby"))
	b.takeMoves(time.Now())
	bob := come(t, b, as("bob"), "lobby")
	b.takeMoves(time.Now())
	b.dismiss(bob)
	ro := b.memory.room("lobby")
	ro.subscriptions = append(ro.subscriptions, nil)
	b.gone[chat.Whereabouts{Username: "zoe"}] = nil

	present := b.Present("lobby")
	slices.Sort(present)
	expect(t, "present", fmt.Sprint(present), "[ann bob]")
	expect(t, "many", b.isCrowded("lobby", maxPresent-1), false)
	expect(t, "many", b.isCrowded("lobby", maxPresent), true)
	expect(t, "many elsewhere", b.isCrowded("nowhere", maxPresent+1), true)
}

// walk finds who is present in a chat by a look at all readers and departures.
func (b *Broker) walk(chatID string) string {
	users := make(map[string]struct{})
	for _, readers := range b.users {
		for rd := range readers {
			if rd.present && slices.Contains(rd.chats(), chatID) {
				users[rd.credential.user] = struct{}{}
			}
		}
	}
	for w, d := range b.gone {
		if slices.Contains(d.chats, chatID) {
			users[w.Username] = struct{}{}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(users)), " ")
}

func TestThePresentAreThoseThatAWalkFinds(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		b, now := New(newMemLog(), Options{}), time.Now()
		users, chats := []string{"ann", "bob", "cid"}, manyChats(4)
		var open []*reader
		for range 100 {
			switch r.IntN(6) {
			case 0, 1:
				s := as(users[r.IntN(len(users))])
				followed := chats[:r.IntN(len(chats)+1)]
				if r.IntN(2) == 0 {
					s.Chat, followed = chats[r.IntN(len(chats))], nil
				}
				open = append(open, come(t, b, s, followed...))
			case 2, 3:
				if len(open) > 0 {
					i := r.IntN(len(open))
					b.dismiss(open[i])
					open = slices.Delete(open, i, i+1)
				}
			case 4: // a stream over all chats gains or loses one
				if len(open) == 0 {
					continue
				}
				rd, kind := open[r.IntN(len(open))], chat.KindMemberJoined
				if r.IntN(2) == 0 {
					kind = chat.KindMemberLeft
				}
				if rd.overAll() {
					b.mu.Lock()
					rd.settle(newFrame(chat.Event{Kind: kind, Chat: chats[r.IntN(len(chats))], Username: rd.credential.user}))
					b.mu.Unlock()
				}
			case 5:
				now = now.Add(time.Duration(r.IntN(2)) * presenceKept)
				moves := b.takeMoves(now)
				if r.IntN(3) == 0 {
					b.putBack(moves)
				}
			}
			for _, id := range chats {
				present := b.Present(id)
				slices.Sort(present)
				if got, want := strings.Join(present, " "), b.walk(id); got != want {
					t.Fatalf("seed %d: present in %s are %q, and a walk finds %q", seed, id, got, want)
				}
			}
		}
		for _, rd := range open {
			b.dismiss(rd)
		}
		b.takeMoves(now.Add(time.Hour))
		expect(t, "kept", len(b.here)+len(b.came)+len(b.gone)+len(b.departed)+len(b.lingering)+len(b.memory.rooms), 0)
	}
}

// Streams over many chats are counted, and departures listed, in slices, between which others
// come, go, and are told of.
func TestThePresentAreCountedRightlyWhileManyComeAndGo(t *testing.T) {
	b := New(newMemLog(), Options{})
	chats := manyChats(3 * subscriptionSlice)
	var crowd sync.WaitGroup
	stop := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		for {
			select {
			case <-stop:
				return
			default:
			}
			moves := b.takeMoves(time.Now().Add(presenceKept))
			b.Present(chats[len(chats)-1])
			b.putBack(moves)
		}
	}()
	for i := range 4 {
		crowd.Go(func() {
			for range 50 {
				rd := come(t, b, as([]string{"ann", "bob"}[i%2]), chats...)
				b.dismiss(rd)
			}
		})
	}
	crowd.Wait()
	close(stop)
	<-told
	for _, id := range chats {
		if got, want := b.Present(id), b.walk(id); len(got) != len(strings.Fields(want)) {
			t.Fatalf("present in %s are %q, and a walk finds %q", id, got, want)
		}
	}
	b.takeMoves(time.Now().Add(time.Hour))
	expect(t, "kept", len(b.here)+len(b.came)+len(b.gone)+len(b.departed)+len(b.lingering)+len(b.memory.rooms), 0)
}

// Between two slices of a coming the tail may take chats from the reader and give it others,
// which moves the subscriptions that the coming has yet to count.
func TestAComingCountsAllChatsWhileTheReaderJoinsAndLeaves(t *testing.T) {
	b := New(newMemLog(), Options{})
	chats := manyChats(10 * subscriptionSlice)
	moved := []string{chats[0], chats[subscriptionSlice-1]}
	for range 20 {
		s := as("ann")
		rd := newReader(b, &s, make(wakeUps, 1))
		if err := b.admit(rd); err != nil {
			t.Fatal(err)
		}
		if _, err := b.settleIn(rd, chat.Opening{Chats: chats}); err != nil {
			t.Fatal(err)
		}
		b.subscribe(rd, chats)
		var appeared atomic.Bool
		var moving sync.WaitGroup
		moving.Go(func() {
			for n := 0; !appeared.Load(); n++ {
				id := moved[n%len(moved)]
				b.mu.Lock()
				if i, found := rd.find(id); found {
					b.leave(rd.others[i])
					rd.others = slices.Delete(rd.others, i, i+1)
				} else {
					b.subscriptions++
					rd.join(id, i)
				}
				b.mu.Unlock()
			}
		})
		b.appear(rd)
		appeared.Store(true)
		moving.Wait()
		for _, id := range chats[subscriptionSlice:] {
			if n := b.presentIn(id)["ann"]; n != 1 {
				t.Fatalf("%s counts the user %d times", id, n)
			}
		}
		b.dismiss(rd)
	}
}

func TestARoundTakesSoManyChatsAndWhatIsLeftIsTakenLater(t *testing.T) {
	const users = 60
	b := New(newMemLog(), Options{})
	chats := manyChats(1000)
	var readers []*reader
	for i := range users {
		readers = append(readers, come(t, b, as(fmt.Sprint("user-", i)), chats...))
	}
	took := func(came bool, now time.Time) {
		t.Helper()
		taken := make(map[string]bool)
		for round := 0; len(taken) < users; round++ {
			in := 0
			for _, m := range b.takeMoves(now) {
				if m.came != came || taken[m.Username] || len(m.chats) != len(chats) {
					t.Fatalf("%s was taken before, or else: came %v, in %d chats", m.Username, m.came, len(m.chats))
				}
				taken[m.Username] = true
				in += len(m.chats)
			}
			if in == 0 || in > maxMovedChats {
				t.Fatalf("round %d takes %d chats", round, in)
			}
		}
		expect(t, "left", len(b.takeMoves(now)), 0)
	}
	took(true, time.Now())
	for _, rd := range readers {
		b.dismiss(rd)
	}
	expect(t, "too early", len(b.takeMoves(time.Now())), 0)
	took(false, time.Now().Add(presenceKept))
}

// Between two of these slices the mutex is left to others.
func TestOfMovesOnlyASliceIsTakenAndToldAtOnce(t *testing.T) {
	b := New(newMemLog(), Options{})
	chats := manyChats(subscriptionSlice / 2)
	var readers []*reader
	for i := range 20 {
		readers = append(readers, come(t, b, as(fmt.Sprint("user-", i)), chats...))
	}
	const most = 2 // users, whose chats fill a slice
	inSlices := func(take func(*presenceRound) bool) []move {
		t.Helper()
		var r presenceRound
		for before, more := 0, true; more; before = len(r.moves) {
			if more = take(&r); len(r.moves)-before > most {
				t.Fatalf("a slice takes %d", len(r.moves)-before)
			}
		}
		expect(t, "taken", len(r.moves), len(readers))
		return r.moves
	}
	tells := func(moves []move) {
		t.Helper()
		told := 0
		for left := newTelling(moves, company{}); len(left.moves) > 0; {
			n := len(b.signalsOf(left))
			if n > subscriptionSlice {
				t.Fatalf("a slice tells %d", n)
			}
			told += n
		}
		expect(t, "told", told, len(readers)*len(chats))
	}
	tells(inSlices(b.takeComings))
	for _, rd := range readers {
		b.dismiss(rd)
	}
	later := time.Now().Add(presenceKept)
	tells(inSlices(func(r *presenceRound) bool { return b.takeGoings(r, later) }))
}

// lastTold takes from signals what was said last of a user in each chat.
type lastTold map[string]bool

func (l lastTold) slice(b *Broker, t *telling) {
	for _, s := range b.signalsOf(t) {
		l[s.Chat] = s.Present
	}
}

func (l lastTold) want(t *testing.T, what string, chats int, present bool) {
	t.Helper()
	n := 0
	for _, said := range l {
		if said == present {
			n++
		}
	}
	if n != chats || len(l) != chats {
		t.Errorf("%s: %d of %d chats were told so last, want %d", what, n, len(l), chats)
	}
}

func TestAUserWhoGoesOrComesAmidARoundIsToldOfInTheNext(t *testing.T) {
	b := New(newMemLog(), Options{})
	chats := manyChats(3 * subscriptionSlice)
	last := make(lastTold)
	begin := func(now time.Time) *telling {
		return newTelling(b.takeMoves(now), company{})
	}
	ann := come(t, b, as("ann"), chats...)
	coming := begin(time.Now())
	last.slice(b, coming)
	b.dismiss(ann)
	for len(coming.moves) > 0 {
		last.slice(b, coming)
	}
	expect(t, "a going that has not lasted", len(b.takeMoves(time.Now())), 0)
	going := begin(time.Now().Add(presenceKept))
	last.slice(b, going)
	come(t, b, as("ann"), chats...)
	for len(going.moves) > 0 {
		last.slice(b, going)
	}
	if !last[chats[len(chats)-1]] {
		t.Error("a going was told of a user who was back")
	}
	for again := begin(time.Now()); len(again.moves) > 0; {
		last.slice(b, again)
	}
	last.want(t, "back", len(chats), true)
}

func TestAUserWhoGoesAmidTheTellingOfTheComingEndsAsGone(t *testing.T) {
	b := New(newMemLog(), Options{})
	chats := manyChats(3 * subscriptionSlice)
	last := make(lastTold)
	ann := come(t, b, as("ann"), chats...)
	coming := newTelling(b.takeMoves(time.Now()), company{})
	last.slice(b, coming)
	b.dismiss(ann)
	for len(coming.moves) > 0 {
		last.slice(b, coming)
	}
	for going := newTelling(b.takeMoves(time.Now().Add(presenceKept)), company{}); len(going.moves) > 0; {
		last.slice(b, going)
	}
	last.want(t, "gone", len(chats), false)
}

func TestASignalOfAChatThatNobodyFollowsIsNotEncoded(t *testing.T) {
	b := New(newMemLog(), Options{})
	come(t, b, as("ann"), "lobby")
	signal := func(chatID string) float64 {
		return testing.AllocsPerRun(100, func() {
			b.Signal(Signal{Kind: chat.SignalPresence, Chat: chatID, Username: "bob", Present: true})
		})
	}
	expect(t, "allocations for nobody", signal("nowhere"), 0.0)
	if signal("lobby") == 0 {
		t.Error("nothing is allocated for a reader, so that nothing was seen")
	}
}
