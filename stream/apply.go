package stream

import (
	"time"

	"parley/chat"
)

// apply moves the tail over events, which follow it, and to position upTo, which
// is not before the last of them. head is where the log's head was when they were read, or upTo. It
// wakes the readers that have something new, each once however many events there are.
func (b *Broker) apply(events []chat.Event, upTo, head int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var grown []*room
	for _, e := range events {
		if e.Kind == chat.KindJump {
			b.lose(chat.Jump{Before: e.Before, Pos: e.Pos})
		}
		if e.Kind.ReplacesText() {
			b.memory.replace(e)
		}
		grown = b.memory.add(e, b.applied, grown)
		b.endRights(e)
	}
	b.applied = upTo
	b.snapshot = max(b.snapshot, head) // behind a failover a younger one may be lost, or be reached yet
	b.moved.Broadcast()
	if len(b.early) > 0 {
		b.heedEarly(time.Now())
	}
	for _, rd := range b.arrived(upTo) {
		b.wakes.add(rd)
	}
	for _, ro := range grown {
		for _, sub := range ro.subscriptions {
			sub.reader.touch(sub)
			b.wakes.add(sub.reader)
		}
	}
	b.memory.grew(grown)
	b.wakes.send()
	b.metrics.tail.Set(float64(upTo))
}

// endRights notes the event at the readers whose rights it ends. A stream over
// all chats outlives the loss of one.
func (b *Broker) endRights(e chat.Event) {
	switch e.Kind {
	case chat.KindMemberLeft:
		for rd := range b.users[e.Username] {
			if rd.start.Chat == e.Chat {
				rd.endAt(e.Pos, reasonLeft)
			}
		}
	case chat.KindChatDeleted:
		if ro := b.memory.rooms[roomKey{chat: e.Chat}]; ro != nil {
			for _, sub := range ro.subscriptions {
				if sub.reader.start.Chat == e.Chat {
					sub.reader.endAt(e.Pos, reasonDeleted)
				}
			}
		}
	case chat.KindSessionEnded, chat.KindUserDisabled:
		for rd := range b.users[e.Username] {
			if rd.credential.endedBy(e) {
				rd.endAt(e.Pos, reasonRevoked)
			}
		}
	}
}

// wakes gathers the readers to wake, so that an event loop is told of all of its own
// at once.
type wakes map[*eventLoop][]*reader

// add wakes a reader that a goroutine of its own drives, and notes any other.
func (w wakes) add(rd *reader) {
	if l, ok := rd.driver.(*eventLoop); ok {
		w[l] = append(w[l], rd)
		return
	}
	rd.wakeUp()
}

// send wakes those noted.
func (w wakes) send() {
	for l, readers := range w {
		l.wakeAll(readers)
		clear(readers)
		w[l] = readers[:0]
	}
}
