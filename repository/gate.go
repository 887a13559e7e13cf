package repository

import (
	"context"
	"slices"
	"sync"

	"parley/chat"
)

// maxReadsWaiting bounds how many reads of one user wait for a connection.
const maxReadsWaiting = 256

// gate shares the connections of the reading pool. One user has places for a quarter of them
// at once, and waiting users are served round-robin, one read each. A user that asks for very
// much therefore delays another one's read by no more than a read. Reads without an actor,
// such as the broker's, count as those of one user that has half of the connections.
//
// A read takes one place, or as many as it is wide: what a database does for five hundred
// rows keeps a processor from strangers for longer than what it does for one.
//
// The gate takes no goroutine, and a read that need not wait takes no channel.
type gate struct {
	mu   sync.Mutex
	free int
	most int // of one user
	half int // of the reads without an actor
	// queues hold the users with reads that run or wait. turns holds those of them that
	// wait and have less than their share, the next one first.
	queues map[string]*readQueue
	turns  []*readQueue
}

// readQueue holds the reads of one user.
type readQueue struct {
	user string
	// most is how many places there are, taken how many have a read in them.
	most, taken int
	// waiting are the reads that wait, in order.
	waiting []waitingRead
	inTurns bool
}

// waitingRead is a read that takes so many places when its turn comes.
type waitingRead struct {
	turn   chan struct{} // closed then
	places int
}

// rowsPerPlace is how many rows a read of one place may ask for.
const rowsPerPlace = 125

// placesOf is how many places a read of so many rows takes.
func placesOf(rows int) int { return max(1, (rows+rowsPerPlace-1)/rowsPerPlace) }

// fits says that there are as many places as the next read takes.
func (q *readQueue) fits(places int) bool { return q.taken+places <= q.most }

func newGate(connections int) *gate {
	return &gate{
		free: connections, most: max(1, connections/4), half: max(1, connections/2),
		queues: make(map[string]*readQueue),
	}
}

// enter waits for a connection's turn. A read that takes more places than the user has takes
// all of them. Behind a read that was let in, the caller calls leave with the same places. It
// fails with chat.ErrBusy where too many reads of the user wait, and with the context's error.
func (g *gate) enter(ctx context.Context, user string, places int) error {
	turn, err := g.queue(user, places)
	if turn == nil || err != nil {
		return err
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.giveUp(user, turn, places)
		return ctx.Err()
	}
}

// queue lets a read in at once, or returns a channel that is closed when its turn comes.
func (g *gate) queue(user string, places int) (turn chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[user]
	if q == nil {
		q = &readQueue{user: user, most: g.most}
		if user == "" {
			q.most = g.half
		}
		g.queues[user] = q
	}
	places = min(places, q.most)
	switch {
	case len(q.waiting) == 0 && q.fits(places) && g.free > 0:
		g.free--
		q.taken += places
		return nil, nil
	case len(q.waiting) >= maxReadsWaiting:
		return nil, chat.ErrBusy
	}
	turn = make(chan struct{})
	q.waiting = append(q.waiting, waitingRead{turn, places})
	g.turn(q)
	return turn, nil
}

// leave ends a read of the user that took so many places.
func (g *gate) leave(user string, places int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[user]
	g.free++
	q.taken -= min(places, q.most)
	g.turn(q)
	g.admit()
	g.forget(q)
}

// giveUp takes back a wait. A turn that came in the same moment is passed on.
func (g *gate) giveUp(user string, turn chan struct{}, places int) {
	g.mu.Lock()
	q := g.queues[user]
	i := slices.IndexFunc(q.waiting, func(w waitingRead) bool { return w.turn == turn })
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		g.turn(q) // the next one may be narrower
		g.admit()
		g.forget(q)
	}
	g.mu.Unlock()
	if i < 0 {
		g.leave(user, places)
	}
}

// turn lines the user up where a read waits that the user has places for. The mutex is held.
func (g *gate) turn(q *readQueue) {
	if !q.inTurns && len(q.waiting) > 0 && q.fits(q.waiting[0].places) {
		q.inTurns = true
		g.turns = append(g.turns, q)
	}
}

// admit lets the next reads in. The mutex is held.
func (g *gate) admit() {
	for g.free > 0 && len(g.turns) > 0 {
		q := g.turns[0]
		g.turns = g.turns[1:]
		q.inTurns = false
		if len(q.waiting) == 0 || !q.fits(q.waiting[0].places) { // the one that was in front gave up
			g.forget(q)
			continue
		}
		next := q.waiting[0]
		q.waiting = q.waiting[1:]
		g.free--
		q.taken += next.places
		close(next.turn)
		g.turn(q)
	}
}

// forget drops a user without reads. The mutex is held.
func (g *gate) forget(q *readQueue) {
	if q.taken == 0 && len(q.waiting) == 0 && !q.inTurns {
		delete(g.queues, q.user)
	}
}
