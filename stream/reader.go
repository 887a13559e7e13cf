package stream

import (
	"time"

	"parley/chat"
)

// reader is one open stream: a cursor on the log, a way to the client, and timers. It
// has a subscription to the room of each chat that it follows; over all chats, also
// to its user's home room, which carries the joins and leaves that change the others.
//
// A reader has no goroutine and no queue. Its driver, which is an event loop or a
// goroutine of its own, calls [reader.step] when it was woken and when a timer asks
// for it.
type reader struct {
	broker     *Broker
	start      *Start
	driver     driver
	credential credential

	position
	output
	timers

	// present says that the reader makes its user present.
	present bool

	// slot is its event loop's.
	slot slot
}

// newReader makes a reader that has no subscription and no connection yet.
func newReader(b *Broker, s *Start, d driver) *reader {
	rd := &reader{
		broker: b, start: s, driver: d,
		credential: newCredential(s.Actor), timers: newTimers(b.opts, s, time.Now()),
	}
	rd.first.reader = rd
	rd.readLimit = segmentEvents
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

// wakeUp makes the reader's driver look again. The broker's mutex is held.
func (rd *reader) wakeUp() { rd.driver.wake(rd) }

// endAt notes where the reader's rights end, and wakes it. The broker's mutex is
// held.
func (rd *reader) endAt(pos int64, why reason) {
	due := time.Now().Add(endingGrace)
	rd.ends = append(rd.ends, ending{pos, why, due})
	rd.driver.endBy(due)
	rd.wakeUp()
}

// ownTurn says whether the frame is the user's own joining or leaving on a stream
// over all chats, where it has a name of its own.
func (rd *reader) ownTurn(f *frame) bool {
	return rd.overAll() && f.who == rd.credential.user &&
		(f.event.Kind == chat.KindMemberJoined || f.event.Kind == chat.KindMemberLeft)
}

// turnsAt says whether the frame changes what the reader follows, which is so on a
// stream over all chats alone.
func (rd *reader) turnsAt(f *frame) bool {
	return rd.ownTurn(f) || rd.overAll() && f.event.Kind == chat.KindChatDeleted
}

// shows says whether the reader is given a frame.
func (rd *reader) shows(f *frame) bool {
	if !rd.start.Framing.shows(f.event.Kind) {
		return false
	}
	// Not a message of the user's own from the origin that the stream leaves out.
	return f.event.Origin == "" || f.event.Origin != rd.start.Origin || f.who != rd.credential.user
}

// wire is what the reader is shown of a frame; made says that it was not encoded
// before.
func (rd *reader) wire(f *frame) (w wire, made bool) {
	if rd.ownTurn(f) {
		return f.ownWire(rd.start.Framing)
	}
	return f.wire(rd.start.Framing)
}

// shown is the name and the data of what the reader is shown of a frame.
func (rd *reader) shown(f *frame) (name string, data []byte) {
	if rd.ownTurn(f) {
		return f.own()
	}
	return string(f.event.Kind), f.data()
}
