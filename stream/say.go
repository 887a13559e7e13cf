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
