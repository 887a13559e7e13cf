package stream

import (
	"fmt"
	"runtime/debug"
	"time"
)

// step does what there is to do at present. more says that there is something left
// already; why, that and for what reason the stream ends, its last frame being said.
//
// A panic ends this stream alone: the goroutine in which it happens drives many.
func (rd *reader) step(sc *scratch, now time.Time) (more bool, why reason) {
	defer func() {
		if v := recover(); v != nil {
			rd.broker.opts.Log.Error("panic", "request_id", rd.start.RequestID,
				"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			more, why = false, reasonFailed
		}
	}()
	if rd.conn.gone() {
		return false, reasonGone
	}
	if why := rd.finishFrame(now); why != "" {
		return false, why
	}
	if rd.parting != "" {
		return false, rd.parted(now)
	}
	v := rd.fetch(now, &sc.found)
	if more, why = rd.deliver(sc, v, now); why == "" {
		why = rd.runTimers(sc, v, now)
	}
	if why != "" {
		return false, rd.part(sc, v, why)
	}
	rd.setTimer(v)
	return more, ""
}

// deliver writes what the reader found and moves its cursor over it.
func (rd *reader) deliver(sc *scratch, v view, now time.Time) (more bool, why reason) {
	if !rd.stalled.IsZero() || v.waits {
		return false, ""
	}
	if left := rd.start.Limit - rd.events; rd.start.Limit > 0 && int64(len(v.frames)) >= left {
		if left == 0 {
			return false, reasonLimit // which it came to with a frame that was taken in part
		}
		v.keep(int(left))
		v.end = reasonLimit
	}
	given := len(v.frames)
	if given > 0 {
		if given, why = rd.write(sc, v.frames, now); why != "" {
			return false, why
		}
		if given > 0 {
			rd.held = v.frames[given-1].event.Pos
			rd.events += int64(given)
			rd.broker.metrics.deliveries.Add(float64(given))
		}
	}
	if given < len(v.frames) {
		pos := rd.cursor
		if given > 0 {
			pos = rd.held
		}
		rd.moveTo(pos, nil)
		return false, ""
	}
	more, why = rd.moveTo(v.upTo, v.turn) || v.more, v.end
	if !rd.stalled.IsZero() {
		return false, "" // the rest of the last frame comes before an end, and before ready
	}
	if why == "" && !rd.ready && rd.cursor >= rd.opened {
		rd.ready = true
		why = rd.sendControl(sc, "ready", struct {
			Head int64 `json:"head"`
		}{v.head})
	}
	return more, why
}

// write writes frames and returns how many were taken. One that was taken in part
// counts: what is left of it comes before everything else.
func (rd *reader) write(sc *scratch, frames []*frame, now time.Time) (given int, why reason) {
	chunked := rd.conn.chunked()
	key := copied{frames[0], frames[len(frames)-1], len(frames), rd.start.Framing, chunked}
	// What one of them is shown of his own is shown to nobody else.
	plain := !rd.overAll() && rd.start.Origin == ""
	if !plain || key != sc.copied {
		sc.copied, sc.wires = copied{}, sc.wires[:0]
		for _, f := range frames {
			sc.wires = append(sc.wires, rd.bytes(f, chunked)...)
		}
		if plain {
			sc.copied = key
		}
	}
	n, err := rd.give(sc.wires)
	if err != nil {
		return 0, failed(err)
	}
	if n == len(sc.wires) {
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

// give writes to the connection. The reader is halted meanwhile too: of a write that
// waits for room nobody else can see whether it does.
func (rd *reader) give(b []byte) (int, error) {
	rd.halted.Store(true)
	n, err := rd.conn.write(b)
	rd.halted.Store(n < len(b))
	return n, err
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
		n, err := rd.give(rd.rest)
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
