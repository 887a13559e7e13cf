package stream

import "time"

// room is what is live of a chat, or of a user's own joins and leaves: the
// newest frames, and the subscriptions of the readers that follow it.
type room struct {
	tally // of frames
	key   roomKey
	// since is how far back the room reaches: every event of it behind since, up
	// to the tail, is in frames.
	since int64
	// head is the position of the room's newest event, or where the room began, if
	// nothing has happened in it since. It stays when the frame goes.
	head   int64
	frames []*frame
	// batch is the position of the first event of the newest batch.
	batch         int64
	subscriptions []*subscription
	// present counts, for each user that has a stream on the chat, the subscriptions that make
	// the user present; nil before the first.
	present map[string]int

	// passed is a position that no reader served from the room is before; the least one
	// may have come further since.
	passed int64
	// rank and index are the room's place among all rooms in the order of eviction.
	rank  rank
	index int

	// segments are parts of the log that readers of this room needed lately.
	segments []*segment
	// waiting are the readers that need a part that is not there, the one at which it begins
	// first; read is the part that is to be read for them, or is being read; nil if none is.
	// readLimit is how many events are read at once, readDue when the next part may be.
	waiting   []*reader
	read      *logRead
	readLimit int
	readDue   time.Time

	// signals are those that are yet to be passed on; nil while there are none.
	signals *roomSignals

	// sample says which readers are looked at next to find for how long to hold posts.
	sample int
}

// roomKey names a room: one of its fields is set.
type roomKey struct {
	chat string
	// home is the user whose joins and leaves the room carries, for that user's
	// streams over all chats.
	home string
}

// subscription is a reader's place in a room.
type subscription struct {
	reader *reader
	// room is nil once the reader has left it.
	room *room
	// index is where the subscription stands among the room's.
	index int32
	// touched says that the subscription stands in its reader's list of those.
	touched bool
	// present says that the room counts the subscription among those that make its user present.
	present bool
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

// oldest is the position of the oldest frame, of which there is at least one.
func (ro *room) oldest() int64 { return ro.frames[0].event.Pos }

// add appends an event's frame; applied is where the tail stood before the event's
// batch. It says whether the frame is the room's first of that batch.
func (ro *room) add(f *frame, applied int64) (first bool) {
	first = ro.head <= applied
	if first {
		ro.batch = f.event.Pos
	}
	ro.head = f.event.Pos
	ro.frames = append(ro.frames, f)
	ro.hold(f)
	return first
}

// evict drops the oldest frame.
func (ro *room) evict() {
	f := ro.frames[0]
	ro.drop(f)
	ro.since = f.event.Pos
	ro.frames[0] = nil
	ro.frames = ro.frames[1:]
}

// passedBy says whether all readers that the room serves have passed a position. A
// reader further behind is served from the log.
func (ro *room) passedBy(pos int64) bool {
	if pos <= ro.passed {
		return true
	}
	passed := ro.head
	for _, sub := range ro.subscriptions {
		if cursor := sub.reader.cursor; cursor >= ro.since {
			passed = min(passed, cursor)
		}
	}
	ro.passed = passed
	return pos <= passed
}

// subscribe adds a subscription.
func (ro *room) subscribe(sub *subscription) {
	sub.room, sub.index = ro, int32(len(ro.subscriptions))
	ro.subscriptions = append(ro.subscriptions, sub)
	ro.passed = 0
}

// unsubscribe removes a subscription.
func (ro *room) unsubscribe(sub *subscription) {
	last := len(ro.subscriptions) - 1
	moved := ro.subscriptions[last]
	ro.subscriptions[sub.index], moved.index = moved, sub.index
	ro.subscriptions[last] = nil
	ro.subscriptions = ro.subscriptions[:last]
	sub.room = nil
}
