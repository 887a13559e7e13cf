package stream

import "time"

// room is what is live of a chat, or of a user's own joins and leaves: the
// newest frames, and the readers who follow it. The broker's mutex guards it.
type room struct {
	key roomKey
	// since is how far back the room reaches: every event of it behind since, up
	// to the tail, is in frames.
	since         int64
	frames        []*frame
	bytes         int // of the frames
	subscriptions []*subscription

	// pages are parts of the log before since that somebody here needed lately, the one
	// read last standing last.
	segments []*segment
	// waiting are the readers who need a part that is not there; reading says that
	// one is being read.
	waiting []*reader
	reading bool

	// hold is for how long posts are held, sample which readers are looked at next to
	// find that.
	hold   time.Duration
	sample int
}

// roomKey names a room: one of its fields is set.
type roomKey struct {
	chat string
	// home is the user whose joins and leaves the room carries, for his streams
	// over all chats.
	home string
}

// subscription is a reader's place in a room.
type subscription struct {
	reader *reader
	room   *room
	// index is where the subscription stands among the room's.
	index int
	// fresh says that the room has had frames since the reader last looked.
	fresh bool
}

// after returns the frames behind a position that is not before since. The
// caller copies what it keeps.
func (ro *room) after(pos int64) []*frame { return after(ro.frames, pos) }

// after returns those of frames, which are in order, that are behind pos.
func after(frames []*frame, pos int64) []*frame {
	lo, hi := 0, len(frames)
	for lo < hi {
		if mid := (lo + hi) / 2; frames[mid].event.Pos <= pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return frames[lo:]
}

// newest is the position of the room's newest frame; 0 while it has none.
func (ro *room) newest() int64 {
	if len(ro.frames) == 0 {
		return 0
	}
	return ro.frames[len(ro.frames)-1].event.Pos
}

// add appends a frame and returns by how many bytes the room grew.
func (ro *room) add(f *frame) int {
	ro.frames = append(ro.frames, f)
	ro.bytes += f.size()
	return f.size()
}

// trim drops the oldest frames until at most limit bytes are left, and returns
// how many bytes went.
func (ro *room) trim(limit int) (dropped int) {
	n := 0
	for n < len(ro.frames) && ro.bytes-dropped > limit {
		dropped += ro.frames[n].size()
		n++
	}
	if n == 0 {
		return 0
	}
	ro.since = ro.frames[n-1].event.Pos
	clear(ro.frames[:n])
	ro.frames = ro.frames[n:]
	ro.bytes -= dropped
	return dropped
}

// enter gives a reader a subscription in a room, which is made if there is none. The
// subscription is fresh: the reader has yet to look.
func (b *Broker) enter(key roomKey, rd *reader) {
	ro := b.rooms[key]
	if ro == nil {
		ro = &room{key: key, since: b.applied}
		b.rooms[key] = ro
		b.metrics.rooms.Inc()
	}
	s := rd.newSubscription(key)
	s.reader, s.room, s.index = rd, ro, len(ro.subscriptions)
	ro.subscriptions = append(ro.subscriptions, s)
	s.touch()
}

// leave takes a reader's subscription in a room, if he has one; a room without subscriptions
// goes.
func (b *Broker) leave(key roomKey, rd *reader) {
	s := rd.subscriptionTo(key)
	if s == nil {
		return
	}
	rd.dropSubscription(key)
	s.fresh = false
	ro := s.room
	last := len(ro.subscriptions) - 1
	ro.subscriptions[s.index] = ro.subscriptions[last]
	ro.subscriptions[s.index].index = s.index
	ro.subscriptions[last] = nil
	ro.subscriptions = ro.subscriptions[:last]
	if last == 0 {
		b.bytes -= ro.bytes + ro.dropSegments(always)
		delete(b.rooms, key)
		b.metrics.rooms.Dec()
	}
}

// touch marks the subscription as one that its reader has to look at, and wakes him.
func (sub *subscription) touch() {
	if sub.fresh {
		return
	}
	sub.fresh = true
	if sub.reader.overAll() {
		sub.reader.fresh = append(sub.reader.fresh, sub)
	}
	sub.reader.wakeUp()
}
