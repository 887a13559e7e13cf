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
