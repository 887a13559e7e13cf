package stream

import (
	"slices"
	"strings"
	"time"

	"parley/chat"
)

// position is where a reader stands and what it follows. The broker's mutex guards
// it.
type position struct {
	// cursor is how far the reader has come: it has been given everything that it
	// may see up to here, and nothing behind.
	cursor int64
	// opened is the head at opening, which does not change once it is known. Rights
	// are as they were there; only rows behind it change them.
	opened int64
	ends   []ending

	// first is the subscription to the room of the chat or, over all chats, to the home
	// room; others are those to the chats, in the order of their ids.
	first  subscription
	others []*subscription
	// touched are, over all chats, the subscriptions to every room that has events behind
	// the cursor, and to some that have none.
	touched []*subscription
	// live says that the reader has come to the end of its rooms, and that memory has
	// reached back to its cursor ever since.
	live bool

	// segment is what was last read from the log for this reader; owed says that it has
	// yet to be looked at. readLimit is how many events are read at once.
	segment   *segment
	owed      bool
	readLimit int
	// readDue is when the part behind it may be read.
	readDue time.Time
	// waits says that a part of the log is being read for the reader; retry is when it
	// asks again after that failed.
	waits bool
	retry time.Time

	// signals are those that the reader has yet to be given; nil while there are none.
	signals *readerSignals

	// answer is what the question about its credential brought.
	answer *renewed
	// reopening says that the rights are being read anew, reopened is what that brought.
	reopening bool
	reopened  *chat.Opening
	// dismissed says that the stream has ended.
	dismissed bool
}

// ending is the position at which a reader's rights end.
type ending struct {
	pos int64
	why reason
	// due is when the reader is ended even if it has not come so far.
	due time.Time
}

// endingGrace is how long a reader may take to reach the position at which its
// rights ended. With [lastWord] it is the 5 s that the package promises.
const endingGrace = 5*time.Second - lastWord

// ending is the first row that ends the reader's rights, if one does. Rows up to
// the head at opening are events like any other: the rights that were read there
// are younger.
func (p *position) ending() (ending, bool) {
	var first ending
	for _, e := range p.ends {
		if e.pos > p.opened && (first.pos == 0 || e.pos < first.pos) {
			first = e
		}
	}
	return first, first.pos != 0
}

// touch notes that the room of one of the reader's subscriptions has events, or may
// have some, behind its cursor.
func (rd *reader) touch(sub *subscription) {
	if rd.overAll() && !sub.touched && sub.room.head > rd.cursor {
		sub.touched = true
		rd.touched = append(rd.touched, sub)
	}
}

// pending says whether the reader's rooms have events behind its cursor, or may have
// some.
func (rd *reader) pending() bool {
	if !rd.overAll() {
		return rd.first.room.head > rd.cursor
	}
	kept := rd.touched[:0]
	for _, sub := range rd.touched {
		if sub.touched = sub.room != nil && sub.room.head > rd.cursor; sub.touched {
			kept = append(kept, sub)
		}
	}
	clear(rd.touched[len(kept):])
	rd.touched = kept
	return len(kept) > 0
}

// remembered says whether the rooms hold all that the reader may see behind its
// cursor. Over all chats they do not before the head at opening: what the reader is
// shown of a chat then depends on when its user was a member, which the rooms do not know.
func (rd *reader) remembered() bool {
	if !rd.overAll() {
		return rd.cursor >= rd.first.room.since
	}
	if rd.cursor < rd.opened {
		return false
	}
	for _, sub := range rd.touched {
		if sub.room != nil && sub.room.since > rd.cursor {
			return false
		}
	}
	return true
}

// moveTo moves the cursor to a position up to which the reader has been given
// everything; turn is the frame there that changes what it follows, nil if none
// does. It says whether there is something behind already.
func (rd *reader) moveTo(pos int64, turn *frame) (more bool) {
	b := rd.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.cursor = pos
	if !rd.segment.covers(pos) {
		rd.dropSegment()
	}
	if turn != nil {
		rd.settle(turn)
	}
	more = rd.pending()
	rd.live = rd.live || !more
	return more || rd.isLost()
}

// settle takes or gives up the subscription that the frame changes on a stream over all
// chats. The broker's mutex is held.
func (rd *reader) settle(f *frame) {
	i, found := rd.find(f.event.Chat)
	switch {
	case f.event.Kind == chat.KindMemberJoined && f.who == rd.credential.user:
		if !found {
			rd.broker.subscriptions++
			rd.join(f.event.Chat, i)
		}
	case f.event.Kind == chat.KindMemberLeft && f.who == rd.credential.user, f.event.Kind == chat.KindChatDeleted:
		if found {
			if rd.signals != nil {
				rd.signals.forget(f.event.Chat)
			}
			rd.broker.leave(rd.others[i])
			rd.others = slices.Delete(rd.others, i, i+1)
		}
	}
}

// find is where the subscription to a chat stands, or would stand, among the others.
func (rd *reader) find(chatID string) (i int, found bool) {
	return slices.BinarySearchFunc(rd.others, chatID, func(sub *subscription, id string) int {
		return strings.Compare(sub.room.key.chat, id)
	})
}

// join subscribes to a chat, at a place among the others. The broker's mutex is held.
func (rd *reader) join(chatID string, i int) {
	sub := &subscription{reader: rd}
	rd.broker.enter(roomKey{chat: chatID}, sub)
	rd.others = slices.Insert(rd.others, i, sub)
	rd.touch(sub)
}

// dropSegment gives up the segment that was read for the reader.
func (rd *reader) dropSegment() {
	p := rd.segment
	if p == nil {
		return
	}
	rd.acknowledge()
	rd.segment = nil
	if p.room == nil {
		rd.broker.memory.forget(p)
	}
}

// acknowledge notes that the reader has looked at the segment that was read for it.
func (rd *reader) acknowledge() {
	if rd.owed {
		rd.owed = false
		rd.broker.memory.pay(rd.segment)
	}
}
