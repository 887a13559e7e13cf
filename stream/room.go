package stream

// room is what is live of a chat, or of a user's own joins and leaves: the
// newest frames, and the readers who follow it. The broker's mutex guards it.
type room struct {
	key roomKey
	// since is how far back the room reaches: every event of it behind since, up
	// to the tail, is in frames.
	since  int64
	frames []*frame
	bytes  int
	seats  map[*seat]struct{}
}

// roomKey names a room: one of its fields is set.
type roomKey struct {
	chat string
	// home is the user whose joins and leaves the room carries, for his streams
	// over all chats.
	home string
}

// seat is a reader's place in a room.
type seat struct {
	reader *reader
	room   *room
	// fresh says that the room has had frames since the reader last looked.
	fresh bool
}

// after returns the frames behind a position that is not before since. The
// caller copies what it keeps.
func (ro *room) after(pos int64) []*frame {
	lo, hi := 0, len(ro.frames)
	for lo < hi {
		if mid := (lo + hi) / 2; ro.frames[mid].pos <= pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return ro.frames[lo:]
}

// add appends a frame and returns by how many bytes the room grew.
func (ro *room) add(f *frame) int {
	ro.frames = append(ro.frames, f)
	ro.bytes += f.size()
	return f.size()
}

// trim drops the oldest frames until at most limit bytes are left, and returns
// how many bytes went.
func (ro *room) trim(limit int) int {
	dropped, n := 0, 0
	for n < len(ro.frames) && ro.bytes-dropped > limit {
		dropped += ro.frames[n].size()
		n++
	}
	if n == 0 {
		return 0
	}
	ro.since = ro.frames[n-1].pos
	clear(ro.frames[:n])
	ro.frames = ro.frames[n:]
	ro.bytes -= dropped
	return dropped
}

// enter gives a reader a seat in a room, which is made if there is none. The
// seat is fresh: the reader has yet to look.
func (b *Broker) enter(key roomKey, rd *reader) {
	ro := b.rooms[key]
	if ro == nil {
		ro = &room{key: key, since: b.applied, seats: make(map[*seat]struct{})}
		b.rooms[key] = ro
		b.metrics.rooms.Inc()
	}
	s := &seat{reader: rd, room: ro}
	ro.seats[s] = struct{}{}
	rd.seats[key] = s
	s.touch()
}

// leave takes a reader's seat in a room, if he has one; a room without seats
// goes.
func (b *Broker) leave(key roomKey, rd *reader) {
	s := rd.seats[key]
	if s == nil {
		return
	}
	delete(rd.seats, key)
	s.fresh = false
	ro := s.room
	delete(ro.seats, s)
	if len(ro.seats) == 0 {
		b.bytes -= ro.bytes
		delete(b.rooms, key)
		b.metrics.rooms.Dec()
	}
}

// touch marks the seat as one that its reader has to look at, and wakes him.
func (s *seat) touch() {
	if !s.fresh {
		s.fresh = true
		s.reader.fresh = append(s.reader.fresh, s)
		s.reader.wakeUp()
	}
}
