package stream

import (
	"sync/atomic"
	"time"

	"parley/chat"
)

// reader is one open stream: a cursor on the log and a wake-up, and what it takes
// to keep it: its timerHeap, its credential and its connection. It has a subscription in the
// room of each chat that it follows; over all chats, also in its user's home room,
// which carries the joins and leaves that change the others.
//
// A reader has no goroutine and no queue. Whoever drives it, which is the writer
// that took its connection over or a goroutine of its own, calls [reader.step]
// when it was woken and when its timerHeap asks for it.
type reader struct {
	broker *Broker
	start  *Start
	driver driver
	conn   conn

	// The broker's mutex guards these.

	// first is the subscription in the room of the chat or, over all chats, in the home room;
	// others are those in the chats.
	first  subscription
	others map[string]*subscription
	// fresh are the subscriptions, over all chats, whose rooms have had frames since the
	// reader last came to their end.
	fresh []*subscription
	ends  []ending
	// opened is the head at opening, which does not change once it is known. Rights
	// are as they were there; only rows behind it change them.
	opened int64
	// page is what was last read from the log for this reader.
	segment *segment
	// waits says that a part of the log is being read for it; retry is when it asks
	// again after that failed.
	waits bool
	retry time.Time
	// answer is what its question about its credential brought.
	answer *renewed
	// reached is the cursor when the reader last moved.
	reached int64
	// dismissed says that the stream has ended.
	dismissed bool

	// halted says that the socket was full when it was last written to, or that it is
	// being written to. Anybody may look.
	halted atomic.Bool

	// slot is its writer's.
	slot slot

	// These belong to whoever drives the reader.

	// cursor is how far the reader has come: it has been given everything that it
	// may see up to here, and nothing behind.
	cursor     int64
	credential credential

	began        time.Time
	ping, rotate time.Time
	// timeout is zero where the client named none.
	timeout time.Time
	// alarm is when the timerHeap next asks for a step.
	alarm time.Time

	// rest is what is left of a frame that the socket took a part of. stalled is
	// since when the socket is full; zero while it is not.
	rest    []byte
	stalled time.Time

	// parting is why the stream ends as soon as its last frame, which the socket took
	// in part, is out. Where rights ended, it ends without that at partBy.
	parting reason
	partBy  time.Time

	// held is the id that the client holds.
	held int64
	// ready says that the frame of that name was written.
	ready bool
	// events counts the durable events written.
	events int64
}

// newReader makes a reader that has no subscription and no connection yet.
func newReader(b *Broker, s *Start, d driver) *reader {
	now := time.Now()
	rd := &reader{
		broker: b, start: s, driver: d, began: now, credential: newCredential(s.Actor),
		ping: now.Add(jitter(b.opts.Ping)), rotate: now.Add(jitter(b.opts.Rotate)),
	}
	if s.Timeout > 0 {
		rd.timeout = now.Add(s.Timeout)
	}
	return rd
}

// driver is what calls a reader's step. Its methods do not block, and are called with
// the broker's mutex held.
type driver interface {
	// wake makes the driver call the reader's step soon.
	wake(*reader)
	// endBy has a write interrupted that waits for room at that time.
	endBy(at time.Time)
}

// overAll says whether the reader follows every chat of its user.
func (rd *reader) overAll() bool { return rd.start.Chat == "" }

// newSubscription makes the subscription that the reader takes in a room.
func (rd *reader) newSubscription(key roomKey) *subscription {
	if !rd.overAll() || key.home != "" {
		return &rd.first
	}
	if rd.others == nil {
		rd.others = make(map[string]*subscription)
	}
	s := new(subscription)
	rd.others[key.chat] = s
	return s
}

// subscriptionTo is the reader's subscription in a room; nil if it has none.
func (rd *reader) subscriptionTo(key roomKey) *subscription {
	if !rd.overAll() || key.home != "" {
		if rd.first.room == nil {
			return nil
		}
		return &rd.first
	}
	return rd.others[key.chat]
}

// dropSubscription forgets the reader's subscription in a room; the subscription itself stays as it is.
func (rd *reader) dropSubscription(key roomKey) {
	if rd.overAll() && key.home == "" {
		delete(rd.others, key.chat)
	}
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

// wakeUp makes the reader's driver look again. The broker's mutex is held.
func (rd *reader) wakeUp() { rd.driver.wake(rd) }

// endAt notes where the reader's rights end, and wakes him. The broker's mutex is
// held.
func (rd *reader) endAt(pos int64, why reason) {
	due := time.Now().Add(endingGrace)
	rd.ends = append(rd.ends, ending{pos, why, due})
	rd.driver.endBy(due)
	rd.wakeUp()
}

// ending is the first row that ends the reader's rights, if one does. Rows up to
// the head at opening are events like any other: the rights that were read there
// are younger. The broker's mutex is held.
func (rd *reader) ending() (ending, bool) {
	var first ending
	for _, e := range rd.ends {
		if e.pos > rd.opened && (first.pos == 0 || e.pos < first.pos) {
			first = e
		}
	}
	return first, first.pos != 0
}

// ownTurn says whether the frame is the actor's own joining or leaving on his
// stream over all chats, where it has a name of its own.
func (rd *reader) ownTurn(f *frame) bool {
	return rd.overAll() && f.who == rd.start.Actor.Username &&
		(f.event.Kind == chat.KindMemberJoined || f.event.Kind == chat.KindMemberLeft)
}

// turnsAt says whether the frame changes what the reader follows, which is so on a
// stream over all chats alone.
func (rd *reader) turnsAt(f *frame) bool {
	return rd.ownTurn(f) || rd.overAll() && f.event.Kind == chat.KindChatDeleted
}

// wire is what the reader is shown of a frame.
func (rd *reader) wire(f *frame) wire {
	if rd.ownTurn(f) {
		return f.ownWire(rd.start.Framing)
	}
	return f.wire(rd.start.Framing)
}

// shown is the name and the data of what the reader is shown of a frame.
func (rd *reader) shown(f *frame) (name string, data any) {
	if rd.ownTurn(f) {
		return f.own()
	}
	return string(f.event.Kind), f.event.Data()
}
