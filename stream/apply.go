package stream

import (
	"parley/chat"
)

// apply moves the tail over events, which follow it, and to position upTo, which
// is not before the last of them. It wakes whoever has something new.
func (b *Broker) apply(events []chat.Event, upTo int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	grown := make(map[*room]struct{})
	for _, e := range events {
		b.addFrames(e, grown)
		b.endRights(e)
	}
	b.applied = upTo
	for rd := range b.arriving {
		if rd.opened <= upTo {
			delete(b.arriving, rd)
			rd.wakeUp()
		}
	}
	for ro := range grown {
		b.bytes -= ro.trim(b.roomBytes)
		ro.press(b.roomBytes)
		for _, s := range ro.subscriptions {
			s.touch()
		}
	}
	b.fit()
	b.metrics.tail.Set(float64(upTo))
}

// addFrames takes an event into the rooms that are open for it, and notes them
// in grown.
func (b *Broker) addFrames(e chat.Event, grown map[*room]struct{}) {
	if e.Chat == "" {
		return
	}
	keys := [2]roomKey{{chat: e.Chat}, {home: e.Username}}
	open := keys[:1]
	if e.Kind == chat.KindMemberJoined || e.Kind == chat.KindMemberLeft {
		open = keys[:]
	}
	var f *frame
	for _, key := range open {
		ro := b.rooms[key]
		if ro == nil {
			continue
		}
		if f == nil {
			f = newFrame(e)
		}
		b.bytes += ro.add(f)
		grown[ro] = struct{}{}
	}
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
		if ro := b.rooms[roomKey{chat: e.Chat}]; ro != nil {
			for _, s := range ro.subscriptions {
				if s.reader.start.Chat == e.Chat {
					s.reader.endAt(e.Pos, reasonDeleted)
				}
			}
		}
	case chat.KindSessionEnded:
		for rd := range b.users[e.Username] {
			if rd.start.Actor.Session == e.Session {
				rd.endAt(e.Pos, reasonRevoked)
			}
		}
	case chat.KindUserDisabled:
		for rd := range b.users[e.Username] {
			rd.endAt(e.Pos, reasonRevoked)
		}
	}
}
