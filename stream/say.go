package stream

import (
	"math/rand/v2"
	"time"

	"parley/chat"
)

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

// part writes the stream's last frame, where the reason has one and the socket is not
// full, and behind it, where the end is final, HTTP's last chunk. It returns why the
// stream ends; nothing yet where the socket took that in part, unless it is in haste.
func (rd *reader) part(d *desk, why reason) reason {
	if !why.saysBye() || !rd.stalled.IsZero() {
		return why
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
	d.chunk = rd.appendPiece(d.chunk[:0], d.out)
	if rd.conn.chunked() && !why.breaksOff() {
		d.chunk = append(d.chunk, lastChunk...)
	}
	rd.put(d.chunk)
	if rd.stalled.IsZero() || why == reasonShutdown {
		return why
	}
	rd.parting, rd.alarm = why, rd.slowAt()
	return ""
}

// parted says why a stream ends of which only a part of the last frame was out:
// nothing while it has to wait for the rest.
func (rd *reader) parted(now time.Time) reason {
	switch {
	case rd.stalled.IsZero():
		return rd.parting
	case !now.Before(rd.slowAt()):
		return reasonSlow
	}
	rd.alarm = rd.slowAt()
	return ""
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
	d.chunk = rd.appendPiece(d.chunk, d.out)
	return rd.put(d.chunk)
}

// appendPiece appends a piece of the body as it goes to the reader's connection.
func (rd *reader) appendPiece(dst, piece []byte) []byte {
	if len(piece) > 0 && rd.conn.chunked() {
		return appendChunk(dst, piece)
	}
	return append(dst, piece...)
}

// put writes what has to come whole: the rest of it comes before everything else.
func (rd *reader) put(b []byte) reason {
	if len(b) == 0 {
		return ""
	}
	n, err := rd.give(b)
	if err != nil {
		return failed(err)
	}
	if n < len(b) {
		rd.rest = append([]byte(nil), b[n:]...)
		rd.stalled = time.Now()
	}
	return ""
}
