package stream

import "container/heap"

// mergeBuffer is where a look gathers frames, one look after another.
type mergeBuffer struct {
	frames []*frame
	// bytes is how large the frames are.
	bytes int
	runs  runs
}

// begin empties it.
func (g *mergeBuffer) begin() { g.frames, g.bytes = g.frames[:0], 0 }

// full says that there is as much in it as one look gives. What lies behind is not
// looked at: a reader that is far behind in many rooms would otherwise be shown the
// same frames again and again, all but the first of them in vain.
func (g *mergeBuffer) full() bool { return g.bytes > maxFetch }

// collect appends those of frames up to upTo that the reader is shown, or that
// change what it follows, until found is full. ro is the room in which they stand;
// nil for a segment. What changes a user's own chats stands in two rooms: a stream over
// all chats takes it from its home room.
func (rd *reader) collect(ro *room, frames []*frame, upTo int64, found *mergeBuffer) {
	for _, f := range frames {
		if f.event.Pos > upTo || found.full() {
			return
		}
		if ro != nil && ro.key.home == "" && rd.ownTurn(f) {
			continue
		}
		if rd.covers(f) && (rd.shows(f) || rd.turnsAt(f)) {
			found.frames = append(found.frames, f)
			found.bytes += f.size()
		}
	}
}

// covers says whether the reader's credential reaches the chat in which a frame stands. One
// that is restricted to some chats comes by the user's joining others.
func (rd *reader) covers(f *frame) bool {
	return f.event.Chat == "" || rd.start.Actor.Chats.Has(f.event.Chat)
}

// merge collects from all touched rooms, in the log's order. The broker's mutex is
// held.
func (rd *reader) merge(upTo int64, found *mergeBuffer) {
	rs := found.runs[:0]
	for _, sub := range rd.touched {
		if sub.room == nil {
			continue
		}
		if frames := sub.room.after(rd.cursor); len(frames) > 0 {
			rs = append(rs, run{sub.room, frames})
		}
	}
	found.runs = rs
	heap.Init(&rs)
	for len(rs) > 0 && rs[0].frames[0].event.Pos <= upTo && !found.full() {
		oldest := &rs[0]
		rd.collect(oldest.room, oldest.frames[:1], upTo, found)
		if oldest.frames = oldest.frames[1:]; len(oldest.frames) == 0 {
			heap.Pop(&rs)
		} else {
			heap.Fix(&rs, 0)
		}
	}
	clear(found.runs) // the next look may come much later
}

// run is what a room holds behind a reader's cursor.
type run struct {
	room   *room
	frames []*frame // at least one
}

// runs is a heap ([heap.Interface]): on top is the run with the oldest frame.
type runs []run

func (rs runs) Len() int           { return len(rs) }
func (rs runs) Less(i, j int) bool { return rs[i].frames[0].event.Pos < rs[j].frames[0].event.Pos }
func (rs runs) Swap(i, j int)      { rs[i], rs[j] = rs[j], rs[i] }
func (rs *runs) Push(r any)        { *rs = append(*rs, r.(run)) }

func (rs *runs) Pop() any {
	last := len(*rs) - 1
	r := (*rs)[last]
	*rs = (*rs)[:last]
	return r
}
