package stream

import (
	"fmt"
	"runtime/debug"
	"time"
)

// step does what there is to do at present. more says that there is something left
// already; why, that and for what reason the stream ends, its last frame being written.
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
	if v.reopen {
		rd.reopen()
	}
	if v.reopened != nil {
		more, why = true, rd.goOn(sc, *v.reopened)
	} else {
		more, why = rd.deliver(sc, v, now)
	}
	if why == "" {
		why = rd.sendSignals(sc, v)
	}
	if why == "" {
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
		if given, why = rd.write(sc, v, now); why != "" {
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
		more = true // signals that came before wait
	}
	return more, why
}

// write writes the view's frames and returns how many were taken. One that was taken
// in part counts: what is left of it comes before everything else.
func (rd *reader) write(sc *scratch, v view, now time.Time) (given int, why reason) {
	frames, chunked := v.frames, rd.conn.chunked()
	key := copied{frames[0], frames[len(frames)-1], len(frames), v.edition, rd.start.Framing, chunked}
	// Streams over all chats show a user's own joins differently, and streams with an
	// origin leave frames out.
	plain := !rd.overAll() && rd.start.Origin == ""
	if !plain || key != sc.copied {
		rd.copyWires(sc, frames, chunked)
		sc.copied = copied{}
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
		bytes := rd.bytes(f, chunked)
		switch {
		case n == 0:
			return i, ""
		case n < len(bytes):
			rd.rest = append([]byte(nil), bytes[n:]...)
			return i + 1, ""
		}
		n -= len(bytes)
	}
	return len(frames), ""
}

// copyWires makes sc.wires of frames, and has memory count what was encoded for it.
func (rd *reader) copyWires(sc *scratch, frames []*frame, chunked bool) {
	sc.wires, sc.encoded = sc.wires[:0], sc.encoded[:0]
	for _, f := range frames {
		w, made := rd.wire(f)
		if made {
			sc.encoded = append(sc.encoded, f)
		}
		sc.wires = append(sc.wires, w.piece(chunked)...)
	}
	if len(sc.encoded) > 0 {
		rd.broker.recount(sc.encoded)
		clear(sc.encoded)
	}
}

// bytes is the frame as it goes to the reader's connection.
func (rd *reader) bytes(f *frame, chunked bool) []byte {
	w, _ := rd.wire(f)
	return w.piece(chunked)
}

// recount has memory count what was encoded of frames.
func (b *Broker) recount(frames []*frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory.recount(frames)
}
