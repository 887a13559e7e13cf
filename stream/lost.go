package stream

import (
	"container/heap"
	"container/list"
	"errors"
	"slices"
	"strconv"
	"time"

	"parley/chat"
)

// A failover of the store may lose the end of the log. What was applied of it here was
// shown to readers, and tells of nothing any more: the log goes on with a jump. A reader
// that stands in the lost part, or whose rights were read there, is opened anew on its open
// stream, as if its client had come back with the id that it holds.

// errLost is the error of a read that the loss of the log's end has overtaken.
var errLost = errors.New("the log has lost its end meanwhile")

// lose forgets what was applied of the part of the log that a jump leaves out. Where nothing
// was, readers may still have opened there, ahead of the tail. The broker's mutex is held.
func (b *Broker) lose(j chat.Jump) {
	if j.Before < b.applied {
		b.opts.Log.Warn("the log has lost its end: readers that were shown of it are told so",
			"before", j.Before, "applied", b.applied, "goes_on_at", j.Pos)
	}
	if halfRead := b.applied < b.snapshot; halfRead || j.Before < b.applied {
		b.memory.lose(j, halfRead)
	}
	b.memory.forgetSegments() // what they tell of messages may be lost
	b.lost = append(b.lost, j)
	for _, readers := range b.users {
		for rd := range readers {
			rd.ends = slices.DeleteFunc(rd.ends, func(e ending) bool { return j.Lost(e.pos) })
			b.wakes.add(rd)
		}
	}
}

// isLost says whether a position lies in a part of the log that was lost.
func (b *Broker) isLost(pos int64) bool {
	return slices.ContainsFunc(b.lost, func(j chat.Jump) bool { return j.Lost(pos) })
}

// isLost says whether the reader stands in a part of the log that was lost, or has its
// rights from there. The broker's mutex is held.
func (rd *reader) isLost() bool {
	return len(rd.broker.lost) > 0 && (rd.broker.isLost(rd.cursor) || rd.broker.isLost(rd.opened))
}

// awaitOpening takes into the view of a reader that is lost what its new opening brought, or
// has one read. The broker's mutex is held.
func (rd *reader) awaitOpening(v *view) {
	v.waits = true
	switch {
	case rd.reopened != nil:
		if rd.stalled.IsZero() { // the rest of a frame comes first
			v.reopened, rd.reopened = rd.reopened, nil
		}
	case !rd.reopening && rd.retry.IsZero():
		v.reopen, rd.reopening = true, true
	}
}

// reopen has the reader's rights and the head read anew.
func (rd *reader) reopen() {
	o := &opening{OpeningRequest: chat.OpeningRequest{Actor: rd.start.Actor, Chat: rd.start.Chat}}
	o.done = func() { rd.reopenedAs(o.answer) }
	rd.broker.openings.ask(o)
}

// reopenedAs takes the new opening of a reader. What the store cannot say now, or says out
// of the part that was lost, is asked again.
func (rd *reader) reopenedAs(o chat.Opening) {
	rd.broker.mu.Lock()
	defer rd.broker.mu.Unlock()
	rd.reopening = false
	if o.Err == nil && !rd.broker.isLost(o.Head) || refusesAccess(o.Err) {
		rd.reopened = &o
	} else {
		rd.retry = time.Now().Add(jitter(time.Second))
	}
	rd.wakeUp()
}

func refusesAccess(err error) bool {
	return errors.Is(err, chat.ErrSessionEnded) || errors.Is(err, chat.ErrNotFound) || errors.Is(err, chat.ErrNotAMember)
}

// goOn lets the reader go on by its new opening, or says why its stream ends. The client
// is told if the id that it holds is lost.
func (rd *reader) goOn(sc *scratch, o chat.Opening) reason {
	switch {
	case errors.Is(o.Err, chat.ErrSessionEnded):
		return reasonRevoked
	case o.Err != nil:
		return reasonLeft
	}
	reset, err := rd.settleAgain(o)
	if err != nil {
		return reasonRotate
	}
	if reset == "" {
		return ""
	}
	rd.held = rd.cursor
	sc.out = rd.start.Framing.appendFrame(sc.out[:0], resetName, resetData{reset, rd.cursor}, rd.cursor)
	sc.chunk = sc.chunk[:0]
	return rd.send(sc)
}

// settleAgain gives the reader the place and the subscriptions of its new opening.
func (rd *reader) settleAgain(o chat.Opening) (reset string, err error) {
	b := rd.broker
	b.mu.Lock()
	rd.dropSegment()
	b.leaveAll(rd)
	rd.others, rd.touched, rd.first.touched, rd.live = nil, nil, false, false
	rd.signals = nil
	b.mu.Unlock()
	rd.start.LastEventID = strconv.FormatInt(rd.held, 10)
	reset, err = b.settleIn(rd, o)
	rd.start.LastEventID = ""
	if err == nil && rd.overAll() {
		b.subscribe(rd, o.Chats)
	}
	b.mu.Lock()
	rd.touch(&rd.first)
	b.mu.Unlock()
	b.tail.headAt(o.Head)
	return reset, err
}

// forgetSegments drops all segments.
func (m *memory) forgetSegments() {
	for _, segments := range []*list.List{m.segments, m.owed} {
		for e := segments.Front(); e != nil; e = segments.Front() {
			m.forget(e.Value.(*segment))
		}
	}
}

// lose forgets what the rooms hold of the positions that a jump leaves out. halfRead says that any
// of their messages may be as it was edited there.
func (m *memory) lose(j chat.Jump, halfRead bool) {
	for _, ro := range m.rooms {
		ro.lose(j, halfRead)
		if ro.index >= 0 && len(ro.frames) == 0 {
			heap.Remove(&m.byAge, ro.index)
		}
	}
	m.rankAnew()
}

// lose forgets the frames of the positions that a jump leaves out. Where one of them replaced a
// text in older frames, or may have, or the room began, or dropped its frames, among them, it
// reaches back to the jump alone.
func (ro *room) lose(j chat.Jump, halfRead bool) {
	lost := after(ro.frames, j.Before)
	replaced := slices.ContainsFunc(lost, func(f *frame) bool { return f.event.Kind.ReplacesText() })
	anew := halfRead || replaced || ro.since > j.Before
	if anew {
		lost = ro.frames
	}
	for _, f := range lost {
		ro.drop(f)
	}
	clear(lost)
	ro.frames = ro.frames[:len(ro.frames)-len(lost)]
	switch n := len(ro.frames); {
	case anew:
		ro.since, ro.head = j.Pos, min(ro.head, j.Before)
	case n > 0:
		ro.head = ro.frames[n-1].event.Pos
	default:
		ro.head = ro.since
	}
	ro.batch = min(ro.batch, ro.head)
}
