package stream

import (
	"container/list"
	"errors"
	"slices"
	"time"

	"parley/chat"
)

const (
	// segmentEvents is how many events are read from the log at once, at the most.
	segmentEvents = 256
	// maxSegmentBytes bounds what is kept of them.
	maxSegmentBytes = 256 << 10
	// segmentTTL is how long a segment that no reader needs any more is kept.
	segmentTTL = 10 * time.Second
)

// segment is a part of the log: every event of a room, or every event that a reader
// over all chats is shown, behind from and up to through.
type segment struct {
	tally         // of frames
	from, through int64
	frames        []*frame
	// head is where the log's head was when the segment was read. Its messages are as they were
	// then, so nobody is shown it before the tail has come so far: what memory holds may still
	// have texts that were replaced in between.
	head int64
	// replaced are, while the segment is being read, the edits and deletions that are applied
	// meanwhile, by message; too many are not kept.
	replaced map[int64]chat.Event
	// room is the one whose readers share the segment; nil for a reader's own.
	room *room
	// owed counts the readers that asked for the segment and have yet to look at it. Until
	// then it is not dropped, however short memory is, or they would never get on.
	owed int
	// used is when a reader last looked at the segment.
	used time.Time
	// place is the segment's among all that are kept; nil when it is not, or not any more.
	place *list.Element
}

// maxReplaced is how many messages may be replaced while a segment is being read.
const maxReplaced = 1024

// errOvertaken is the error of a read during which more messages were replaced.
var errOvertaken = errors.New("too much was edited while a part of the log was being read")

// beginPart makes a segment that is to be read.
func (m *memory) beginPart(ro *room, from, upTo int64) *segment {
	p := &segment{from: from, through: upTo, room: ro, used: time.Now(), replaced: make(map[int64]chat.Event)}
	m.reading[p] = struct{}{}
	return p
}

// endPart notes that a segment has been read, and says whether too much was replaced meanwhile.
func (m *memory) endPart(p *segment) (overtaken bool) {
	delete(m.reading, p)
	return len(p.replaced) > maxReplaced
}

// noteReplaced notes an edit or a deletion that is applied while the segment is being read.
func (p *segment) noteReplaced(e chat.Event) {
	if (p.room == nil || p.room.key.chat == e.Chat) && len(p.replaced) <= maxReplaced {
		p.replaced[e.Message.ID] = e
	}
}

// fill makes the segment of a part of the log. Where that is too many bytes it ends earlier.
func (p *segment) fill(part chat.LogPart) {
	p.through, p.head = part.Through, part.Head
	bytes := 0
	for i, e := range part.Events {
		f := newFrame(e)
		p.frames = append(p.frames, f)
		if bytes += f.size(); bytes > maxSegmentBytes && i < len(part.Events)-1 {
			p.through = e.Pos
			return
		}
	}
}

// covers says whether the segment holds what follows a position.
func (p *segment) covers(pos int64) bool { return p != nil && p.from <= pos && pos < p.through }

// segmentAt is the room's segment that holds what follows a position; nil if none does.
func (ro *room) segmentAt(pos int64) *segment {
	for _, p := range slices.Backward(ro.segments) {
		if p.covers(pos) {
			return p
		}
	}
	return nil
}

// keep takes a segment into memory, owed to so many readers.
func (m *memory) keep(p *segment, owed int) {
	p.total = &m.segmentBytes
	p.owed = owed
	for _, f := range p.frames {
		p.hold(f)
	}
	if p.room != nil {
		p.room.segments = append(p.room.segments, p)
	}
	p.place = m.owed.PushBack(p)
	for id, e := range p.replaced {
		if e.Pos > p.head {
			p.replace(p.frames, id, *e.Message)
		}
	}
	p.replaced = nil
	if owed == 0 {
		m.release(p)
	}
	m.shrink()
}

// release lets a segment be dropped.
func (m *memory) release(p *segment) {
	m.owed.Remove(p.place)
	p.place = m.segments.PushBack(p)
}

// pay notes that a reader to which the segment was owed has looked at it, or is gone.
func (m *memory) pay(p *segment) {
	if p.owed--; p.owed == 0 && p.place != nil {
		m.release(p)
		m.shrink()
	}
}

// use notes that a reader looks at the segment.
func (m *memory) use(p *segment, now time.Time) {
	p.used = now
	if p.place != nil {
		m.segments.MoveToBack(p.place) // which does nothing to one that is owed
	}
}

// leastUsed is the segment that is dropped next; nil if none may be.
func (m *memory) leastUsed() *segment {
	if e := m.segments.Front(); e != nil {
		return e.Value.(*segment)
	}
	return nil
}

// forget drops a segment. It covers nothing any more, so that no reader that
// stopped halfway holds its frames.
func (m *memory) forget(p *segment) {
	if p.place == nil {
		return
	}
	// It stands in one of them; the other does nothing.
	m.segments.Remove(p.place)
	m.owed.Remove(p.place)
	p.tally.add(-p.bytes)
	for _, f := range p.frames {
		f.tally = nil
	}
	p.place, p.frames, p.through = nil, nil, p.from
	if p.room != nil {
		p.room.segments = slices.DeleteFunc(p.room.segments, func(q *segment) bool { return q == p })
	}
}
