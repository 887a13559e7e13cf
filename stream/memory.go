package stream

import (
	"container/heap"
	"container/list"
	"time"

	"parley/chat"
)

// memory is what an instance holds of the log for its readers: the newest frames of
// every room, and the segments that readers further behind needed lately. It knows no
// broker; the mutex of its owner guards it.
type memory struct {
	// total is what all of it may take, perRoom what the frames of one room may, in
	// bytes.
	total, perRoom int

	rooms map[roomKey]*room
	// frameBytes is what the frames of all rooms take, byAge the rooms that have any.
	frameBytes int
	byAge      roomsByAge

	// segments holds those that may be dropped, the least recently used first, and owed
	// those that may not yet; segmentBytes is what both take.
	segments, owed *list.List
	segmentBytes   int
	// reading are the segments that are being read.
	reading map[*segment]struct{}

	// scarce says that frames had to go that a reader has yet to take.
	scarce bool
	// edition counts the replacements of frames.
	edition int
}

func newMemory(total, perRoom int) *memory {
	return &memory{
		total: total, perRoom: perRoom,
		rooms:    make(map[roomKey]*room),
		segments: list.New(), owed: list.New(),
		reading: make(map[*segment]struct{}),
	}
}

// bytes is what memory takes.
func (m *memory) bytes() int { return m.frameBytes + m.segmentBytes }

// enter subscribes a reader to a room, which is made if there is none: it begins at
// the position applied.
func (m *memory) enter(key roomKey, applied int64, sub *subscription) {
	ro := m.rooms[key]
	if ro == nil {
		ro = &room{key: key, since: applied, head: applied, readLimit: segmentEvents, index: -1}
		ro.total = &m.frameBytes
		m.rooms[key] = ro
	}
	ro.subscribe(sub)
}

// leave ends a subscription; a room without any goes.
func (m *memory) leave(sub *subscription) {
	ro := sub.room
	ro.unsubscribe(sub)
	if len(ro.subscriptions) > 0 {
		return
	}
	for len(ro.segments) > 0 {
		m.forget(ro.segments[0])
	}
	ro.tally.add(-ro.bytes)
	for _, f := range ro.frames {
		f.tally = nil
	}
	if ro.index >= 0 {
		heap.Remove(&m.byAge, ro.index)
	}
	delete(m.rooms, ro.key)
}

// add takes an event into the rooms that are open for it; applied is where the tail
// stood before the event's batch. It appends to grown the rooms that had none of
// that batch yet.
func (m *memory) add(e chat.Event, applied int64, grown []*room) []*room {
	if e.Chat == "" {
		return grown
	}
	keys := [2]roomKey{{chat: e.Chat}, {home: e.Username}}
	open := keys[:1]
	if e.Kind == chat.KindMemberJoined || e.Kind == chat.KindMemberLeft {
		open = keys[:]
	}
	for _, key := range open {
		ro := m.rooms[key]
		if ro == nil {
			continue
		}
		if ro.add(newFrame(e), applied) {
			grown = append(grown, ro)
		}
	}
	return grown
}

// grew keeps the rooms that a batch grew, and all of memory, within their bounds.
func (m *memory) grew(rooms []*room) {
	for _, ro := range rooms {
		for ro.bytes > m.perRoom && ro.oldest() < ro.batch {
			ro.evict()
		}
		m.file(ro)
	}
	m.scarce = false
	m.shrink()
}

// recount counts what was encoded of frames since they were last counted.
func (m *memory) recount(frames []*frame) {
	for _, f := range frames {
		f.recount()
	}
	m.shrink()
}

// replace puts the message of an edit or a deletion, as it is now, into all that memory holds of
// it. Bytes that are being written meanwhile are of the message as it was. The caller keeps memory
// within its bounds afterwards ([memory.grew]): a room that the same batch has grown is not to be
// emptied before it is filed.
func (m *memory) replace(e chat.Event) {
	m.edition++
	if ro := m.rooms[roomKey{chat: e.Chat}]; ro != nil {
		ro.replace(ro.frames, e.Message.ID, *e.Message)
	}
	for _, segments := range []*list.List{m.segments, m.owed} {
		for el := segments.Front(); el != nil; el = el.Next() {
			p := el.Value.(*segment)
			p.replace(p.frames, e.Message.ID, *e.Message)
		}
	}
	for p := range m.reading {
		p.noteReplaced(e)
	}
}

// replace puts a message into the frames that tell of it. None of them is before the
// position that is its id.
func (t *tally) replace(frames []*frame, messageID int64, now chat.Message) {
	tell := after(frames, messageID-1)
	for i, f := range tell {
		if f.event.Message == nil || f.event.Message.ID != messageID {
			continue
		}
		e := f.event
		e.Message, e.Encoded = &now, nil // what was encoded of it is of the message as it was
		t.drop(f)
		tell[i] = newFrame(e)
		t.hold(tell[i])
	}
}

// dropUnused forgets the segments that no reader has needed for a while, and has
// rooms whose readers were late looked at anew.
func (m *memory) dropUnused(now time.Time) {
	for e := m.segments.Front(); e != nil && now.Sub(e.Value.(*segment).used) > segmentTTL; e = m.segments.Front() {
		m.forget(e.Value.(*segment))
	}
	m.rankAnew()
}

// rankAnew puts all rooms at their places in the order of eviction.
func (m *memory) rankAnew() {
	for _, ro := range m.byAge {
		ro.rank = ro.firstRank()
	}
	heap.Init(&m.byAge)
}
