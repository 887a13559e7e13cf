package stream

import (
	"time"
)

// reader is a cursor on the log and a wake-up. It has a seat in the room of each
// chat that it follows; over all chats, also in its user's home room, which
// carries the joins and leaves that change the others.
type reader struct {
	broker *Broker
	start  Start
	// woken has room for one: a seat is fresh, or a right has ended.
	woken chan struct{}

	// The broker's mutex guards these.

	seats map[roomKey]*seat
	// fresh are the seats whose rooms have had frames since the last take.
	fresh []*seat
	ends  []ending
	// opened is the head at opening, which does not change once it is known. Rights
	// are as they were there; only rows behind it change them.
	opened int64

	// These belong to the goroutine that runs the stream.

	// cursor is how far the reader has come: it has been given everything that it
	// may see up to here, and nothing behind.
	cursor int64
	// gathered is reused from take to take.
	gathered []*frame
}

// ending is the position at which a reader's rights end.
type ending struct {
	pos int64
	why reason
	// due is when the reader is ended even if it has not come so far.
	due time.Time
}

// endingGrace is how long a reader may take to reach the position at which its
// rights ended.
const endingGrace = 5 * time.Second

// wakeUp makes the reader's goroutine look again. It does not block.
func (rd *reader) wakeUp() {
	select {
	case rd.woken <- struct{}{}:
	default:
	}
}

// endAt notes where the reader's rights end, and wakes him. The broker's mutex is
// held.
func (rd *reader) endAt(pos int64, why reason) {
	rd.ends = append(rd.ends, ending{pos, why, time.Now().Add(endingGrace)})
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

// due is when the reader is ended wherever it stands, and why; zero while its
// rights go on.
func (rd *reader) due() (time.Time, reason) {
	rd.broker.mu.Lock()
	defer rd.broker.mu.Unlock()
	e, _ := rd.ending()
	return e.due, e.why
}

// bytes is what the reader is shown of a frame.
func (rd *reader) bytes(f *frame) []byte {
	if rd.start.Chat == "" && f.own != nil && f.who == rd.start.Actor.Username {
		return f.own
	}
	return f.wire
}
