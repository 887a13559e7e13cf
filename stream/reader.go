package stream

import (
	"context"
	"slices"
	"time"

	"parley/chat"
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

	// These belong to the goroutine that runs the stream.

	// opened is the head at opening. Rights are as they were there; only rows
	// behind it change them.
	opened int64
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

// maxTake bounds the bytes of one take, and so what one write's deadline has to
// suffice for.
const maxTake = 64 << 10

// open authorises a stream and gives it a reader, and says why the client's
// place is gone, if it is. The reader is known to the broker before its rights
// are read, so that no row behind the head it opens at can pass it by.
func (b *Broker) open(ctx context.Context, s Start) (rd *reader, reset string, err error) {
	rd = &reader{broker: b, start: s, woken: make(chan struct{}, 1), seats: make(map[roomKey]*seat)}
	first := roomKey{chat: s.Chat}
	if s.Chat == "" {
		first = roomKey{home: s.Actor.Username}
	}
	if !b.admit(rd, first) {
		return nil, "", chat.ErrUnavailable
	}
	opening, err := b.log.Open(ctx, s.Actor, s.Chat)
	if err != nil {
		b.dismiss(rd)
		return nil, "", err
	}
	rd.opened = opening.Head
	rd.cursor, reset = s.place(opening.Head)
	if s.Chat == "" {
		b.mu.Lock()
		for _, chatID := range opening.Chats {
			b.enter(roomKey{chat: chatID}, rd)
		}
		b.mu.Unlock()
	}
	b.tail.headAt(opening.Head)
	return rd, reset, nil
}

// admit makes the reader known, with its first seat, unless streams are ending.
func (b *Broker) admit(rd *reader, first roomKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained {
		return false
	}
	b.readersDone.Add(1)
	b.metrics.open.Inc()
	user := rd.start.Actor.Username
	if b.users[user] == nil {
		b.users[user] = make(map[*reader]struct{})
	}
	b.users[user][rd] = struct{}{}
	b.enter(first, rd)
	return true
}

// dismiss forgets the reader.
func (b *Broker) dismiss(rd *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range rd.seats {
		b.leave(key, rd)
	}
	user := rd.start.Actor.Username
	delete(b.users[user], rd)
	if len(b.users[user]) == 0 {
		delete(b.users, user)
	}
	b.metrics.open.Dec()
	b.readersDone.Done()
}

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

// taken is what a reader gets when it looks.
type taken struct {
	frames []*frame
	// more says that there is something behind the frames already.
	more bool
	// behind says that memory does not reach back to the cursor: the reader has to
	// read the log up to upTo.
	behind bool
	upTo   int64
	// end is why the stream ends behind the frames, if it does.
	end reason
}

// take moves the cursor over what memory holds behind it. The frames are valid
// until the next take.
func (rd *reader) take() taken {
	b := rd.broker
	b.mu.Lock()
	defer b.mu.Unlock()

	upTo := max(rd.cursor, b.applied)
	end, ends := rd.ending()
	if ends {
		upTo = min(upTo, end.pos)
	}
	if rd.cursor < upTo && !rd.remembered() {
		return taken{behind: true, upTo: upTo}
	}
	t := rd.gather(upTo)
	if ends && rd.cursor >= end.pos {
		t.end = end.why
	}
	return t
}

// remembered says whether memory holds all that the reader may see behind the
// cursor. Over all chats it does not before the head at opening: what he saw of a
// chat then depends on when he was in it, which the rooms do not know. The
// broker's mutex is held.
func (rd *reader) remembered() bool {
	if rd.start.Chat == "" && rd.cursor < rd.opened {
		return false
	}
	for _, s := range rd.fresh {
		if s.fresh && s.room.since > rd.cursor {
			return false
		}
	}
	return true
}

// gather collects what the fresh seats show behind the cursor and up to upTo, in
// order, and moves the cursor. The broker's mutex is held.
func (rd *reader) gather(upTo int64) taken {
	frames := rd.gathered[:0]
	for _, s := range rd.fresh {
		if !s.fresh {
			continue
		}
		for _, f := range s.room.after(rd.cursor) {
			if f.pos > upTo {
				break
			}
			if rd.shows(s.room, f) {
				frames = append(frames, f)
			}
		}
	}
	rd.gathered = frames
	if len(rd.fresh) > 1 {
		slices.SortFunc(frames, func(a, b *frame) int { return int(a.pos - b.pos) })
	}
	bytes := 0
	for i, f := range frames {
		bytes += len(f.wire)
		// A change of the reader's own chats changes what follows, so he looks again
		// from there.
		if rd.settle(f) || bytes > maxTake {
			rd.cursor = f.pos
			return taken{frames: frames[:i+1], more: true}
		}
	}
	for _, s := range rd.fresh {
		s.fresh = false
	}
	rd.fresh = rd.fresh[:0]
	rd.cursor = upTo
	return taken{frames: frames}
}

// shows says whether the reader is given a frame that stands in a room. What
// changes his own chats stands in two: a stream over all chats takes it from its
// home room.
func (rd *reader) shows(ro *room, f *frame) bool {
	if rd.start.Chat == "" && ro.key.home == "" && f.own != nil && f.who == rd.start.Actor.Username {
		return false
	}
	return !rd.leavesOut(f)
}

// leavesOut says whether the frame is a message that the actor posted with the
// origin that he does not want to hear.
func (rd *reader) leavesOut(f *frame) bool {
	return f.origin != "" && f.origin == rd.start.Origin && f.who == rd.start.Actor.Username
}

// settle takes or gives up the seat that the frame changes on a stream over all
// chats, and says whether it did. The broker's mutex is held.
func (rd *reader) settle(f *frame) bool {
	if rd.start.Chat != "" {
		return false
	}
	key := roomKey{chat: f.chat}
	switch {
	case f.kind == chat.KindMemberJoined && f.who == rd.start.Actor.Username:
		if rd.seats[key] != nil {
			return false
		}
		rd.broker.enter(key, rd)
	case f.kind == chat.KindMemberLeft && f.who == rd.start.Actor.Username, f.kind == chat.KindChatDeleted:
		rd.broker.leave(key, rd)
	default:
		return false
	}
	return true
}

// logPage is how many events a reader takes from the log at once.
const logPage = 256

// readLog moves the cursor by a page of the log, at most up to upTo.
func (rd *reader) readLog(ctx context.Context, upTo int64) ([]*frame, error) {
	b := rd.broker
	b.metrics.behind.Inc()
	defer b.metrics.behind.Dec()
	select {
	case b.catchingUp <- struct{}{}:
		defer func() { <-b.catchingUp }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.metrics.logReads.Inc()
	events, through, err := rd.page(ctx, upTo)
	if err != nil {
		return nil, err
	}
	frames := rd.gathered[:0]
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		f := newFrame(e)
		rd.settle(f)
		if !rd.leavesOut(f) {
			frames = append(frames, f)
		}
	}
	rd.gathered = frames
	rd.cursor = through
	return frames, nil
}

// page reads the events behind the cursor, and says how far they reach.
func (rd *reader) page(ctx context.Context, upTo int64) (events []chat.Event, through int64, err error) {
	log := rd.broker.log
	if rd.start.Chat == "" {
		return log.MemberAfter(ctx, rd.start.Actor.Username, rd.opened, rd.cursor, upTo, logPage)
	}
	events, err = log.ChatAfter(ctx, rd.start.Chat, rd.cursor, upTo, logPage)
	if len(events) == logPage {
		upTo = events[logPage-1].Pos
	}
	return events, upTo, err
}

// bytes is what the reader is shown of a frame.
func (rd *reader) bytes(f *frame) []byte {
	if rd.start.Chat == "" && f.own != nil && f.who == rd.start.Actor.Username {
		return f.own
	}
	return f.wire
}
