package stream

import (
	"math/rand/v2"
	"time"

	"parley/chat"
)

// begin writes what every stream begins with, so that the client knows at once
// that it is open and from where. reset is why its place is gone, if it is. head
// is written before it.
func (rd *reader) begin(sc *scratch, head []byte, reset string) reason {
	fr := rd.start.Framing
	// Jitter spreads reconnects after a common outage.
	sc.out = fr.appendRetry(sc.out[:0], 1000+rand.Int64N(1000))
	if reset == "" {
		sc.out = fr.appendPlace(sc.out, rd.cursor)
	} else {
		sc.out = fr.appendFrame(sc.out, resetName, resetData{reset, rd.cursor}, rd.cursor)
	}
	rd.held = rd.cursor
	sc.chunk = append(sc.chunk[:0], head...)
	return rd.send(sc)
}

// sendPing says that the stream lives, and its cursor, if that moved without a frame.
func (rd *reader) sendPing(sc *scratch, v view, now time.Time) reason {
	if !rd.stalled.IsZero() {
		return ""
	}
	fr := rd.start.Framing
	sc.out = sc.out[:0]
	if rd.cursor != rd.held && !v.waits {
		sc.out = fr.appendPlace(sc.out, rd.cursor)
		rd.held = rd.cursor
	}
	sc.out = fr.appendPing(sc.out, ping{chat.NewTime(now), max(v.head, rd.cursor)})
	sc.chunk = sc.chunk[:0]
	return rd.send(sc)
}

// part writes the stream's last frame, where the reason has one and the socket is not
// full, and behind it, where the end is final, HTTP's last chunk. It returns why the
// stream ends; nothing yet where the socket took that in part, unless all streams end.
func (rd *reader) part(sc *scratch, v view, why reason) reason {
	if !why.hasBye() || !rd.stalled.IsZero() {
		return why
	}
	fr := rd.start.Framing
	sc.out = sc.out[:0]
	if why == reasonShutdown && fr == SSE {
		// Jitter spreads reconnects over the time that others need to take this
		// instance's place.
		sc.out = appendRetry(sc.out, 500+rand.Int64N(4500))
	}
	sc.out = fr.appendFrame(sc.out, "bye", struct {
		Reason reason `json:"reason"`
	}{why}, -1)
	sc.chunk = rd.appendPiece(sc.chunk[:0], sc.out)
	if rd.conn.chunked() && !why.breaksOff() {
		sc.chunk = append(sc.chunk, lastChunk...)
	}
	rd.put(sc.chunk)
	if rd.stalled.IsZero() || why == reasonShutdown {
		return why
	}
	rd.parting = why
	switch {
	case !v.endDue.IsZero():
		rd.partBy = latest(v.endDue, rd.stalled.Add(lastWord))
	case why == reasonExpired || why == reasonRevoked:
		rd.partBy = rd.stalled.Add(endingGrace)
	}
	rd.alarm = earliest(rd.slowAt(), rd.partBy)
	return ""
}

// parted says why a stream ends of which only a part of the last frame was out:
// nothing while it has to wait for the rest.
func (rd *reader) parted(now time.Time) reason {
	switch {
	case rd.stalled.IsZero():
		return rd.parting
	case !now.Before(earliest(rd.slowAt(), rd.partBy)):
		return reasonSlow
	}
	rd.alarm = earliest(rd.slowAt(), rd.partBy)
	return ""
}

// sendControl writes a frame that has no place in the log, unless the socket is full: such
// a frame is no loss.
func (rd *reader) sendControl(sc *scratch, name string, data any) reason {
	if !rd.stalled.IsZero() {
		return ""
	}
	sc.out = rd.start.Framing.appendFrame(sc.out[:0], name, data, -1)
	sc.chunk = sc.chunk[:0]
	return rd.send(sc)
}

// send writes the scratch's out, behind what its chunk begins with.
func (rd *reader) send(sc *scratch) reason {
	sc.chunk = rd.appendPiece(sc.chunk, sc.out)
	return rd.put(sc.chunk)
}
