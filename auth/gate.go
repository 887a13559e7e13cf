package auth

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"parley/chat"
)

// placesPerSlot is how many callers may wait for each hash that is being made.
// A hash takes some 30 ms, so a caller at the end of the queue is served before
// its patience ends.
const placesPerSlot = 32

// gate lets a few callers hash passwords at a time and a bounded number wait. It
// is fair by address and by username alike:
//
//   - A free slot goes to the caller whose address and username have both gone
//     longest without one. So the callers of one address share its turns, be
//     their usernames as many as they like; and so do the callers of one
//     username, be they at as many addresses.
//   - Where every place is taken, a new caller displaces the newest of the most
//     crowded ones, unless it is as crowded itself.
//
// The address may be unknown, and is then empty: callers without one share the
// turns of one address, and are told apart by their usernames.
type gate struct {
	places   int
	patience time.Duration

	mu   sync.Mutex
	free int // slots; none is free while a caller waits
	// waiting are the callers that wait, in the order in which they came.
	waiting []*waiter
	// addresses and usernames are the parties of those that wait, and no others.
	addresses, usernames map[string]*party
	// turns numbers what gives a party its place in the round.
	turns uint64
}

// caller is on whose behalf a password is hashed, as far as that is known.
type caller struct{ address, username string }

// party is all waiting callers of one address, or of one username.
type party struct {
	size int
	// turn numbers when the party was last given a slot; for a party that waits
	// for its first one, when it came.
	turn uint64
}

// waiter is one waiting caller.
type waiter struct {
	caller
	byAddress, byUsername *party
	// outcome has room for one: nil with a slot, or chat.ErrBusy.
	outcome chan error
}

func newGate(slots int, patience time.Duration) *gate {
	return &gate{
		places:    slots * placesPerSlot,
		patience:  patience,
		free:      slots,
		addresses: make(map[string]*party),
		usernames: make(map[string]*party),
	}
}

// enter waits for a slot, which [gate.leave] gives back. chat.ErrBusy where too
// many wait or the wait is longer than the gate's patience, or the context's
// error.
func (g *gate) enter(ctx context.Context, c caller) error {
	w := g.join(c)
	if w == nil {
		return nil
	}
	patience := time.NewTimer(g.patience)
	defer patience.Stop()
	select {
	case err := <-w.outcome:
		return err
	case <-patience.C:
		return g.abandon(w, chat.ErrBusy)
	case <-ctx.Done():
		return g.abandon(w, ctx.Err())
	}
}

// join takes a free slot and returns nil; or it takes a place to wait at, which the
// waiter may lose at once.
func (g *gate) join(c caller) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		return nil
	}
	w := &waiter{
		caller:     c,
		byAddress:  g.party(g.addresses, c.address),
		byUsername: g.party(g.usernames, c.username),
		outcome:    make(chan error, 1),
	}
	w.byAddress.size++
	w.byUsername.size++
	g.waiting = append(g.waiting, w)
	if len(g.waiting) > g.places {
		g.refuse(g.mostCrowded())
	}
	return w
}

// party finds a party, or makes it at the end of the round.
func (g *gate) party(parties map[string]*party, key string) *party {
	p := parties[key]
	if p == nil {
		g.turns++
		p = &party{turn: g.turns}
		parties[key] = p
	}
	return p
}

// leave gives a slot to the next caller, or back.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	w := slices.MinFunc(g.waiting, (*waiter).compareTurns)
	g.turns++
	w.byAddress.turn, w.byUsername.turn = g.turns, g.turns
	g.remove(w)
	w.outcome <- nil
}

// abandon ends the wait of a caller that waits no longer, for the reason given.
// A slot that it was given meanwhile goes to the next.
func (g *gate) abandon(w *waiter, reason error) error {
	g.mu.Lock()
	waits := slices.Contains(g.waiting, w)
	if waits {
		g.remove(w)
	}
	g.mu.Unlock()
	if !waits && <-w.outcome == nil {
		g.leave()
	}
	return reason
}

func (g *gate) refuse(w *waiter) {
	g.remove(w)
	w.outcome <- chat.ErrBusy
}

func (g *gate) remove(w *waiter) {
	i := slices.Index(g.waiting, w)
	g.waiting = slices.Delete(g.waiting, i, i+1)
	if w.byAddress.size--; w.byAddress.size == 0 {
		delete(g.addresses, w.address)
	}
	if w.byUsername.size--; w.byUsername.size == 0 {
		delete(g.usernames, w.username)
	}
}

// mostCrowded is the newest of the waiters that have the most others beside them
// at their address and at their username together.
func (g *gate) mostCrowded() *waiter {
	most := g.waiting[0]
	for _, w := range g.waiting {
		if w.crowd() >= most.crowd() {
			most = w
		}
	}
	return most
}

func (w *waiter) crowd() int { return w.byAddress.size + w.byUsername.size }

// compareTurns is negative where w goes before v: the later turn of its two
// parties is the earlier one, or that is the same and the other turn is earlier.
func (w *waiter) compareTurns(v *waiter) int {
	return cmp.Or(
		cmp.Compare(max(w.byAddress.turn, w.byUsername.turn), max(v.byAddress.turn, v.byUsername.turn)),
		cmp.Compare(min(w.byAddress.turn, w.byUsername.turn), min(v.byAddress.turn, v.byUsername.turn)),
	)
}
