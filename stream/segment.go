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
	// replaced are, while the segment is being read, the messages of edits and deletions that are
	// applied meanwhile, by their ids, and replacedBytes about what they take. It shows none behind
	// upTo.
	replaced      map[int64]chat.Message
	replacedBytes int
	upTo          int64
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

// maxReplacedBytes is about how much may be replaced while a segment is being read.
const maxReplacedBytes = maxSegmentBytes

// errOvertaken is the error of a read during which more was replaced.
var errOvertaken = errors.New("too much was edited while a part of the log was being read")

// beginPart makes a segment that is to be read.
func (m *memory) beginPart(ro *room, from, upTo int64) *segment {
	p := &segment{from: from, upTo: upTo, room: ro, used: time.Now(), replaced: make(map[int64]chat.Message)}
	m.reading[p] = struct{}{}
	return p
}

// endPart notes that a segment has been read, and says whether too much was replaced meanwhile.
func (m *memory) endPart(p *segment) (overtaken bool) {
	delete(m.reading, p)
	return p.replacedBytes > maxReplacedBytes
}

// noteReplaced notes an edit or a deletion that is applied while the segment is being read.
func (p *segment) noteReplaced(e chat.Event) {
	if p.room != nil && p.room.key.chat != e.Chat || e.Message.ID > p.upTo || p.replacedBytes > maxReplacedBytes {
		return
	}
	before, again := p.replaced[e.Message.ID]
	if again {
		p.replacedBytes -= messageOverhead + len(before.Text)
	}
	p.replaced[e.Message.ID] = *e.Message
	p.replacedBytes += messageOverhead + len(e.Message.Text)
}

// fill makes the segment of a part of the log. Where that is too many bytes it ends earlier.
func (p *segment) fill(part chat.LogPart) {
	p.through = part.Through
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
	// The tail has come to where the log's head was in the read, so the last that it has applied of a
	// message is none that the segment is ahead of.
	for id, now := range p.replaced {
		p.replace(p.frames, id, now)
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
