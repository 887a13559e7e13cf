package stream

import (
	"time"

	"parley/chat"
)

// maxFetch bounds the bytes that a reader is given at once, and so what one
// write's deadline has to suffice for, and for how long others wait for theirs.
const maxFetch = 64 << 10

// view is what a reader finds when it looks.
type view struct {
	// frames are what it is shown next, in order. They are valid until the next look
	// with the same mergeBuffer. edition is the memory's of which they are.
	frames  []*frame
	edition int
	// upTo is how far it has come when it was given them.
	upTo int64
	// waits says that the log, or the rights, have yet to be read.
	waits bool
	// more says that there is something behind upTo already.
	more bool
	// turn is the frame at upTo where that changes what a stream over all chats follows,
	// shown or not; nil otherwise.
	turn *frame
	// end is why the stream ends at upTo, if it does.
	end reason

	// endDue is when the stream ends for endWhy wherever the reader stands; zero
	// while its rights go on.
	endDue time.Time
	endWhy reason
	// head is the service's head as far as this instance knows it.
	head     int64
	draining bool
	answer   *renewed
	// reopen says that the rights have to be read anew, reopened is what that brought.
	reopen   bool
	reopened *chat.Opening
	// signals are what the reader is given of each kind, and signalDue is when to look again
	// for more.
	signals   signals
	signalDue time.Time
	// retry is when to look again, after the log could not be read.
	retry time.Time
}

// fetch finds what there is for the reader, and gathers it in found. Nothing of the
// reader changes by it but that a part of the log is asked for where memory does not
// reach back to the cursor; the reader is woken when that is there.
func (rd *reader) fetch(now time.Time, found *mergeBuffer) view {
	b := rd.broker
	b.mu.Lock()
	defer b.mu.Unlock()

	if !rd.retry.IsZero() && !now.Before(rd.retry) {
		rd.retry = time.Time{}
	}
	v := view{
		upTo: rd.cursor, edition: b.memory.edition, head: max(rd.opened, b.applied),
		draining: b.drained, answer: rd.answer, retry: rd.retry,
	}
	rd.answer = nil
	upTo := max(rd.cursor, b.applied)
	early := b.awaitTail(rd)
	end, ends := rd.ending()
	if ends {
		upTo = min(upTo, end.pos)
		v.endDue, v.endWhy = end.due, end.why
	}
	if rd.isLost() {
		rd.awaitOpening(&v)
		return v
	}
	if rd.cursor < upTo && rd.stalled.IsZero() {
		found.begin()
		if early || !rd.collectUpTo(now, upTo, &v, found) {
			v.waits = true
			return v
		}
		v.frames = found.frames
		v.cut(rd)
	}
	if ends && v.upTo >= end.pos {
		v.end = end.why
	}
	if rd.signals != nil {
		rd.takeSignals(now, &v)
	}
	return v
}

// collectUpTo collects what the reader is shown behind its cursor and up to upTo, as much
// of it as a look gives. Where memory does not reach back so far it has the log read and returns
// false. The broker's mutex is held.
func (rd *reader) collectUpTo(now time.Time, upTo int64, v *view, found *mergeBuffer) bool {
	if !rd.remembered() {
		rd.live = false
		defer rd.acknowledge()
		p := rd.cachedSegment(now)
		if p == nil {
			rd.ask()
			return false
		}
		v.upTo = min(upTo, p.through)
		v.more = v.upTo < upTo
		rd.collect(nil, after(p.frames, rd.cursor), v.upTo, found)
		return true
	}
	v.upTo = upTo
	if rd.overAll() {
		rd.merge(upTo, found)
	} else {
		rd.collect(rd.first.room, rd.first.room.after(rd.cursor), upTo, found)
	}
	return true
}

// cut shortens the view to what rd is given at once: up to maxFetch bytes, and
// nothing behind a frame that changes what it follows.
func (v *view) cut(rd *reader) {
	bytes := 0
	for i, f := range v.frames {
		bytes += f.size()
		turns := rd.turnsAt(f)
		if !turns && bytes <= maxFetch {
			continue
		}
		v.more = v.more || f.event.Pos < v.upTo
		v.frames, v.upTo = v.frames[:i+1], f.event.Pos
		if turns {
			v.turn = f
			if !rd.shows(f) {
				v.frames = v.frames[:i]
			}
		}
		return
	}
}

// keep shortens the view to its first n frames.
func (v *view) keep(n int) {
	v.frames = v.frames[:n]
	v.upTo, v.turn = v.frames[n-1].event.Pos, nil
}
