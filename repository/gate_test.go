package repository

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// wantOpen wants nothing to be left of the gate's reads.
func wantOpen(t *testing.T, g *gate, connections int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free != connections || len(g.queues) != 0 || len(g.turns) != 0 {
		t.Errorf("%d of %d connections are free, %d users read or wait, %d have a turn", g.free, connections, len(g.queues), len(g.turns))
	}
}

func (g *gate) waitingOf(user string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q := g.queues[user]; q != nil {
		return len(q.waiting)
	}
	return 0
}

func TestAUserHasAQuarterOfTheConnections(t *testing.T) {
	for connections, most := range map[int]int{1: 1, 4: 1, 8: 2, 16: 4} {
		g := newGate(connections)
		for range most {
			if turn, err := g.queue("ann", 1); turn != nil || err != nil {
				t.Fatalf("of %d: a read waits: %v", connections, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.enter(ctx, "ann", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("of %d: one read more is let in: %v", connections, err)
		}
		for range most {
			g.leave("ann", 1)
		}
		wantOpen(t, g, connections)
	}
}

func TestUsersWhoWaitAreServedInTurns(t *testing.T) {
	g := newGate(1)
	if err := g.enter(t.Context(), "ann", 1); err != nil {
		t.Fatal(err)
	}
	served := make(chan string)
	wait := func(user string) {
		before := g.waitingOf(user)
		go func() {
			if err := g.enter(t.Context(), user, 1); err != nil {
				t.Error(err)
			}
			served <- user
		}()
		eventually(t, "a read waits", func() bool { return g.waitingOf(user) == before+1 })
	}
	for range 3 {
		wait("ann")
	}
	wait("bob")
	wait("cid")
	last := "ann"
	var order []string
	for range 5 {
		g.leave(last, 1)
		last = <-served
		order = append(order, last)
	}
	g.leave(last, 1)
	if got := order; got[0]+got[1]+got[2]+got[3]+got[4] != "bobcidannannann" && got[0]+got[1]+got[2] != "annbobcid" {
		t.Errorf("served in the order %q", got)
	}
	wantOpen(t, g, 1)
}

func TestTheLineOfOneUserIsBounded(t *testing.T) {
	g := newGate(4)
	if err := g.enter(t.Context(), "ann", 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range maxReadsWaiting {
		all.Go(func() { _ = g.enter(ctx, "ann", 1) })
	}
	eventually(t, "all wait", func() bool { return g.waitingOf("ann") == maxReadsWaiting })
	if err := g.enter(t.Context(), "ann", 1); !errors.Is(err, chat.ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	if err := g.enter(t.Context(), "bob", 1); err != nil {
		t.Errorf("another user: %v", err)
	}
	g.leave("bob", 1)
	cancel()
	all.Wait()
	g.leave("ann", 1)
	wantOpen(t, g, 4)
}

func TestAReadOfManyRowsTakesMorePlaces(t *testing.T) {
	for rows, places := range map[int]int{0: 1, 1: 1, 125: 1, 126: 2, 500: 4} {
		if got := placesOf(rows); got != places {
			t.Errorf("%d rows take %d places, want %d", rows, got, places)
		}
	}
	g := newGate(16) // four places a user
	let := func(user string, places int, in bool) (turn chan struct{}) {
		t.Helper()
		turn, err := g.queue(user, places)
		if err != nil || (turn == nil) != in {
			t.Errorf("%d places for %s: let in is %v, %v; want %v", places, user, turn == nil, err, in)
		}
		return turn
	}
	passed := func(turn chan struct{}, want bool) {
		t.Helper()
		select {
		case <-turn:
			if !want {
				t.Error("a read was let in")
			}
		default:
			if want {
				t.Error("no read was let in")
			}
		}
	}
	let("ann", 3, true)
	let("ann", 1, true)
	wide := let("ann", 9, false) // as wide as all there is, and not more
	narrow := let("ann", 1, false)
	let("bob", 4, true)
	g.leave("ann", 1)
	passed(wide, false)
	passed(narrow, false) // behind the wide one
	g.leave("ann", 3)
	passed(wide, true)
	passed(narrow, false)
	g.leave("ann", 9)
	passed(narrow, true)

	// What waits behind a wide read goes on when that gives up.
	wide, narrow = let("ann", 4, false), let("ann", 1, false)
	g.giveUp("ann", wide, 4)
	passed(narrow, true)
	for user, places := range map[string][]int{"ann": {1, 1}, "bob": {4}} {
		for _, n := range places {
			g.leave(user, n)
		}
	}
	wantOpen(t, g, 16)
}

func TestAGateLosesNoConnectionToThoseWhoGiveUp(t *testing.T) {
	const connections = 4
	g := newGate(connections)
	var inside, entered atomic.Int64
	var all sync.WaitGroup
	for i := range 32 {
		user := []string{"", "ann", "bob", "cid"}[i%4]
		all.Go(func() {
			for n := range 200 {
				places := 1 + n%5
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
				if g.enter(ctx, user, places) == nil {
					if n := inside.Add(1); n > connections {
						t.Errorf("%d read at once", n)
					}
					entered.Add(1)
					inside.Add(-1)
					g.leave(user, places)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if entered.Load() == 0 {
		t.Error("nothing was read")
	}
	wantOpen(t, g, connections)
}

// One account that lists its chats over and over leaves another one's reads fast.
func TestALargeAccountLeavesOthersTheirReads(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		fillMany(t, r, 1_000, `INSERT INTO chats (id, title, visibility, created_at, seq, head)`, `SELECT 'c' || i, '', 'public', 0, 0, 0 FROM n`)
		fillMany(t, r, 1_000, `INSERT INTO memberships (username, chat, joined_pos, role, joined_at)`, `SELECT 'ann', 'c' || i, 1, 'member', 0 FROM n`)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				for ctx.Err() == nil {
					if _, err := r.MemberChats(ctx, as["ann"], chat.ListQuery{Limit: 20}); err != nil && ctx.Err() == nil {
						t.Errorf("listing: %v", err)
					}
				}
			})
		}
		eventually(t, "the large account waits for itself", func() bool { return r.gate.waitingOf("ann") > 16 })
		var slowest time.Duration
		for range 50 {
			began := time.Now()
			if _, err := r.User(t.Context(), as["bob"]); err != nil {
				t.Errorf("another one's read: %v", err)
			}
			slowest = max(slowest, time.Since(began))
		}
		stop()
		all.Wait()
		if slowest > readTimeout/2 {
			t.Errorf("another one's read took %s", slowest)
		}
		r.reads.Wait()
	})
}
