package repository

import (
	"context"
	"slices"
	"sync"

	"parley/chat"
)

// maxReadsWaiting bounds how many reads of one user wait for a connection.
const maxReadsWaiting = 256

// gate shares the connections of the reading pool. One user has at most a quarter of them at
// once, and waiting users are served round-robin, one read each. A user that asks for very
// much therefore delays another one's read by no more than a read. Reads without an actor,
// such as the broker's, count as those of one user that has half of the connections.
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
	user    string
	most    int
	reading int
	// waiting are closed when their turn comes, in order.
	waiting []chan struct{}
	inTurns bool
}

func newGate(connections int) *gate {
	return &gate{
		free: connections, most: max(1, connections/4), half: max(1, connections/2),
		queues: make(map[string]*readQueue),
	}
}

// enter waits for a connection's turn. Behind a read that was let in, the caller calls leave.
// It fails with chat.ErrBusy where too many reads of the user wait, and with the context's
// error.
func (g *gate) enter(ctx context.Context, user string) error {
	turn, err := g.queue(user)
	if turn == nil || err != nil {
		return err
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.giveUp(user, turn)
		return ctx.Err()
	}
}

// queue lets a read in at once, or returns a channel that is closed when its turn comes.
func (g *gate) queue(user string) (turn chan struct{}, err error) {
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
	switch {
	case len(q.waiting) == 0 && q.reading < q.most && g.free > 0:
		g.free--
		q.reading++
		return nil, nil
	case len(q.waiting) >= maxReadsWaiting:
		return nil, chat.ErrBusy
	}
	turn = make(chan struct{})
	q.waiting = append(q.waiting, turn)
	g.turn(q)
	return turn, nil
}

// leave ends a read of the user.
func (g *gate) leave(user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[user]
	g.free++
	q.reading--
	g.turn(q)
	g.admit()
	g.forget(q)
}

// giveUp takes back a wait. A turn that came in the same moment is passed on.
func (g *gate) giveUp(user string, turn chan struct{}) {
	g.mu.Lock()
	q := g.queues[user]
	i := slices.Index(q.waiting, turn)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		g.forget(q)
	}
	g.mu.Unlock()
	if i < 0 {
		g.leave(user)
	}
}

// turn lines the user up where a read waits and the share is not used up. The mutex is held.
func (g *gate) turn(q *readQueue) {
	if !q.inTurns && len(q.waiting) > 0 && q.reading < q.most {
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
		if len(q.waiting) == 0 { // all of them gave up
			g.forget(q)
			continue
		}
		g.free--
		q.reading++
		close(q.waiting[0])
		q.waiting = q.waiting[1:]
		g.turn(q)
	}
}

// forget drops a user without reads. The mutex is held.
func (g *gate) forget(q *readQueue) {
	if q.reading == 0 && len(q.waiting) == 0 && !q.inTurns {
		delete(g.queues, q.user)
	}
}
