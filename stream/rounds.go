package stream

import (
	"context"
	"time"
)

// roomSignals are the signals that a room has yet to pass on. A room has them from its first
// signal until a round finds none, and stands among the rounds once for as long.
type roomSignals struct {
	signalQueues
	// due is when the next round may be.
	due time.Time
}

// signalRounds are the rooms that have had a round, the one whose next is due first at the front.
// The broker's mutex guards them.
type signalRounds struct {
	rooms []*room
	// woken has room for one: there is a first room.
	woken chan struct{}
}

// isFollowed says whether a signal's chat has a room, and so readers, or may have one when the
// tail has reached the signal's position. A signal of any other is not worth encoding.
func (b *Broker) isFollowed(s Signal) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.At > b.applied || b.memory.rooms[roomKey{chat: s.Chat}] != nil
}

// heedInRoom puts a signal into its chat's room, or keeps it until the tail has reached its
// position. It does not block.
func (b *Broker) heedInRoom(f *signalFrame, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.At <= b.applied {
		b.passOn(f, now)
		b.wakes.send()
		return
	}
	if len(b.early) == maxEarly {
		b.early = append(b.early[:0], b.early[1:]...)
	}
	b.early = append(b.early, f)
}

// heedEarly puts into their rooms the signals whose positions the tail has reached. The
// broker's mutex is held.
func (b *Broker) heedEarly(now time.Time) {
	waiting := b.early[:0]
	for _, f := range b.early {
		switch {
		case f.At <= b.applied:
			b.passOn(f, now)
		case now.Before(f.until):
			waiting = append(waiting, f)
		}
	}
	clear(b.early[len(waiting):])
	b.early = waiting
}

// passOn puts a signal into its chat's room, and has the room's readers given it as soon as
// that may be. The broker's mutex is held.
func (b *Broker) passOn(f *signalFrame, now time.Time) {
	ro := b.memory.rooms[roomKey{chat: f.Chat}]
	if ro == nil {
		return
	}
	if ro.signals != nil { // a round is due, or will be
		ro.signals.put(f)
		return
	}
	ro.signals = new(roomSignals)
	ro.signals.put(f)
	b.round(ro, now)
}

// round gives a room's readers the oldest signal of each kind, and puts the room behind the
// others that have had one. The broker's mutex is held.
func (b *Broker) round(ro *room, now time.Time) {
	for lane := range signalLane(signalLanes) {
		f := ro.signals.first(lane, now)
		if f == nil {
			continue
		}
		ro.signals.drop(lane)
		for _, sub := range ro.subscriptions {
			if sub.reader.hear(f) {
				b.wakes.add(sub.reader)
			}
		}
	}
	ro.signals.due = now.Add(roundPace)
	b.rounds.rooms = append(b.rounds.rooms, ro)
	signal(b.rounds.woken)
}

// runRounds has rooms pass on what waits, until ctx ends.
func (b *Broker) runRounds(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.rounds.woken:
		}
		if next := b.dueRounds(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// dueRounds has the rooms whose rounds are due pass on what waits, and forgets those in
// which nothing does. next is when to look again; zero is not before there is a signal.
func (b *Broker) dueRounds(now time.Time) (next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rs := &b.rounds
	for len(rs.rooms) > 0 && !now.Before(rs.rooms[0].signals.due) {
		ro := rs.rooms[0]
		rs.rooms[0] = nil
		rs.rooms = rs.rooms[1:]
		if ro.signals.empty() || len(ro.subscriptions) == 0 {
			ro.signals = nil
			continue
		}
		b.round(ro, now)
	}
	b.wakes.send()
	if len(rs.rooms) == 0 {
		rs.rooms = nil
		return time.Time{}
	}
	return rs.rooms[0].signals.due
}
