package stream

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"parley/chat"
)

// conn is where a reader's bytes go.
type conn interface {
	// write sends b and returns how many bytes were taken. Fewer than all, without
	// an error, means that there is no room for more at present; a connection that
	// waits for room never returns fewer. os.ErrDeadlineExceeded means that there
	// was none for [Options.Patience], any other error that the client is gone.
	write(b []byte) (int, error)
	// chunked says whether what is written has to be in HTTP chunks.
	chunked() bool
	// full says that there was no room for all that was last written, and is not yet.
	full() bool
	// gone says that the client has gone.
	gone() bool
}

// desk is what a driver uses for one reader after another.
type desk struct {
	// frames is where a look gathers them, wires their bytes, ready to be written.
	frames []*frame
	wires  []byte
	// out is for frames that have no place in the log.
	out, chunk []byte
	// copied says of which frames wires holds the bytes, and for whom: readers of one
	// room that are woken together are shown the same.
	copied copied
}

// copied names the content of a [desk]'s wires.
type copied struct {
	first, last *frame
	count       int
	framing     Framing
	chunked     bool
}

// begin writes what every stream begins with, so that the client knows at once
// that it is open and from where. reset is why its place is gone, if it is. head
// is written before it.
func (rd *reader) begin(d *desk, head []byte, reset string) reason {
	fr := rd.start.Framing
	// Spread, so that those who were cut together do not come back together.
	d.out = fr.appendRetry(d.out[:0], 1000+rand.Int64N(1000))
	if reset == "" {
		d.out = fr.appendPlace(d.out, rd.cursor)
	} else {
		d.out = fr.appendFrame(d.out, resetName, resetData{reset, rd.cursor}, rd.cursor)
	}
	rd.held = rd.cursor
	d.chunk = append(d.chunk[:0], head...)
	return rd.send(d)
}

// step does what there is to do at present. more says that there is something left
// already; why, that and for what reason the stream ends.
func (rd *reader) step(d *desk, now time.Time) (more bool, why reason) {
	if rd.conn.gone() {
		return false, reasonGone
	}
	if why := rd.finishFrame(now); why != "" {
		return false, why
	}
	v := rd.look(now, &d.frames)
	more, why = rd.deliver(d, v, now)
	if why != "" {
		return false, why
	}
	why = rd.due(d, v, now)
	rd.setAlarm(v)
	return more, why
}

// deliver writes what the reader found and moves its cursor over it.
func (rd *reader) deliver(d *desk, v view, now time.Time) (more bool, why reason) {
	if !rd.stalled.IsZero() || v.waits {
		return false, ""
	}
	if left := rd.start.Limit - rd.events; rd.start.Limit > 0 && int64(len(v.frames)) >= left {
		v.frames = v.frames[:left]
		v.upTo, v.end = v.frames[left-1].event.Pos, reasonLimit
	}
	given := len(v.frames)
	var last *frame
	if given > 0 {
		if given, why = rd.write(d, v.frames, now); why != "" {
			return false, why
		}
		if given > 0 {
			last = v.frames[given-1]
			rd.held = last.event.Pos
			rd.events += int64(given)
			rd.broker.metrics.deliveries.Add(float64(given))
		}
	}
	if given < len(v.frames) {
		pos := rd.cursor
		if last != nil {
			pos = last.event.Pos
		}
		rd.moveTo(pos, last)
		return false, ""
	}
	more, why = rd.moveTo(v.upTo, last) || v.more, v.end
	if why == "" && !rd.ready && rd.cursor >= rd.opened {
		rd.ready = true
		why = rd.say(d, "ready", struct {
			Head int64 `json:"head"`
		}{v.head})
	}
	return more, why
}

// write writes frames and returns how many were taken. One that was taken in part
// counts: what is left of it comes before everything else.
func (rd *reader) write(d *desk, frames []*frame, now time.Time) (given int, why reason) {
	chunked := rd.conn.chunked()
	key := copied{frames[0], frames[len(frames)-1], len(frames), rd.start.Framing, chunked}
	// What one of them is shown of his own is shown to nobody else.
	plain := !rd.overAll() && rd.start.Origin == ""
	if !plain || key != d.copied {
		d.wires = d.wires[:0]
		for _, f := range frames {
			d.wires = append(d.wires, rd.bytes(f, chunked)...)
		}
		d.copied = copied{}
		if plain {
			d.copied = key
		}
	}
	n, err := rd.conn.write(d.wires)
	if err != nil {
		return 0, failed(err)
	}
	if n == len(d.wires) {
		return len(frames), ""
	}
	rd.stalled = now
	for i, f := range frames {
		size := len(rd.bytes(f, chunked))
		switch {
		case n == 0:
			return i, ""
		case n < size:
			rd.rest = append([]byte(nil), rd.bytes(f, chunked)[n:]...)
			return i + 1, ""
		}
		n -= size
	}
	return len(frames), ""
}

// bytes is the frame as it goes to the reader's connection.
func (rd *reader) bytes(f *frame, chunked bool) []byte {
	w := rd.wire(f)
	if chunked {
		return w
	}
	return w.payload()
}

// finishFrame goes on with a socket that was full.
func (rd *reader) finishFrame(now time.Time) reason {
	if rd.stalled.IsZero() || rd.conn.full() {
		return ""
	}
	if len(rd.rest) > 0 {
		n, err := rd.conn.write(rd.rest)
		if err != nil {
			return failed(err)
		}
		if n > 0 {
			rd.stalled = now
		}
		if n < len(rd.rest) {
			rd.rest = rd.rest[n:]
			return ""
		}
		rd.rest = nil
	}
	rd.stalled = time.Time{}
	return ""
}

// due does what the clock asks for.
func (rd *reader) due(d *desk, v view, now time.Time) reason {
	switch {
	case v.draining:
		return reasonShutdown
	case !v.endDue.IsZero() && !now.Before(v.endDue):
		return v.endWhy
	case !rd.timeout.IsZero() && !now.Before(rd.timeout):
		return reasonTimeout
	case !rd.stalled.IsZero() && !now.Before(rd.stalled.Add(rd.broker.opts.Patience)):
		return reasonSlow
	case !now.Before(rd.rotate):
		return reasonRotate
	}
	if why := rd.keepAccess(d, v.answer, now); why != "" {
		return why
	}
	if !now.Before(rd.ping) {
		rd.ping = now.Add(jitter(rd.broker.opts.Ping))
		return rd.sayPing(d, v, now)
	}
	return ""
}

// sayPing tells that the stream lives, and the place where it stands if that moved
// without a frame.
func (rd *reader) sayPing(d *desk, v view, now time.Time) reason {
	if !rd.stalled.IsZero() {
		return ""
	}
	fr := rd.start.Framing
	d.out = d.out[:0]
	if rd.cursor != rd.held {
		d.out = fr.appendPlace(d.out, rd.cursor)
		rd.held = rd.cursor
	}
	d.out = fr.appendPing(d.out, ping{chat.NewTime(now), max(v.head, rd.cursor)})
	d.chunk = d.chunk[:0]
	return rd.send(d)
}

// keepAccess keeps the stream's credential: it asks whether the session was
// renewed before it says `auth`, and again before it ends.
func (rd *reader) keepAccess(d *desk, answer *renewed, now time.Time) reason {
	ask, tell, why := rd.access.check(answer, now)
	if ask {
		rd.broker.renewals.ask(rd)
	}
	if tell && why == "" {
		why = rd.say(d, "auth", struct {
			ExpiresIn int64 `json:"expires_in"`
		}{int64(math.Ceil(rd.access.expires.Sub(now).Seconds()))})
	}
	return why
}

// bye writes the stream's last frame, where the reason has one and there is room
// for it.
func (rd *reader) bye(d *desk, why reason) {
	if !why.saysBye() || !rd.stalled.IsZero() {
		return
	}
	fr := rd.start.Framing
	d.out = d.out[:0]
	if why == reasonShutdown && fr == SSE {
		// Spread over the time that others need to take the place of this instance.
		d.out = appendRetry(d.out, 500+rand.Int64N(4500))
	}
	d.out = fr.appendFrame(d.out, "bye", struct {
		Reason reason `json:"reason"`
	}{why}, -1)
	d.chunk = d.chunk[:0]
	rd.send(d)
}

// say writes a frame that has no place in the log, unless the socket is full: such
// a frame is no loss.
func (rd *reader) say(d *desk, name string, data any) reason {
	if !rd.stalled.IsZero() {
		return ""
	}
	d.out = rd.start.Framing.appendFrame(d.out[:0], name, data, -1)
	d.chunk = d.chunk[:0]
	return rd.send(d)
}

// send writes the desk's out, behind what its chunk begins with.
func (rd *reader) send(d *desk) reason {
	switch {
	case len(d.out) == 0:
	case rd.conn.chunked():
		d.chunk = appendChunk(d.chunk, d.out)
	default:
		d.chunk = append(d.chunk, d.out...)
	}
	if len(d.chunk) == 0 {
		return ""
	}
	n, err := rd.conn.write(d.chunk)
	if err != nil {
		return failed(err)
	}
	if n < len(d.chunk) {
		rd.rest = append([]byte(nil), d.chunk[n:]...)
		rd.stalled = time.Now()
	}
	return ""
}

// setAlarm notes when the clock next asks for something.
func (rd *reader) setAlarm(v view) {
	var slow time.Time
	if !rd.stalled.IsZero() {
		slow = rd.stalled.Add(rd.broker.opts.Patience)
	}
	rd.alarm = earliest(rd.ping, rd.rotate, rd.timeout, v.retry, rd.access.next, v.endDue, slow)
}

// earliest is the first of times, of which those that are zero do not count.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// failed is the reason of an end by an error in writing.
func failed(err error) reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return reasonSlow
	}
	return reasonGone
}
