package stream

import (
	"slices"

	"parley/chat"
)

// maxTake bounds the bytes of one take, and so what one write's deadline has to
// suffice for.
const maxTake = 64 << 10

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
