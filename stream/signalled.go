package stream

import (
	"time"

	"parley/chat"
)

// readerSignals are the signals that a reader has yet to be given, and when it was last
// given one of each kind. The broker's mutex guards them.
type readerSignals struct {
	signalQueues
	given [signalLanes]time.Time
}

// hear notes a signal for the reader, and says whether it is one that the reader is shown.
// The broker's mutex is held.
func (rd *reader) hear(f *signalFrame) bool {
	if !rd.hears(f) {
		return false
	}
	if rd.signals == nil {
		rd.signals = new(readerSignals)
	}
	rd.signals.put(f)
	return true
}

// hears says whether the reader is shown a signal of a chat that it follows. Users are not
// told of themselves what they know; a read marker tells a user's other devices.
func (rd *reader) hears(f *signalFrame) bool {
	if _, isPage := rd.driver.(wakeUps); isPage || rd.start.Framing == Text {
		return false
	}
	own := f.Username == rd.credential.user
	return (!own || f.Kind == chat.SignalRead) && rd.start.Actor.Chats.Has(f.Chat)
}

// takeSignals takes into the view what the reader is given of signals now: nothing before it
// has come to the end of what there is, and to the position at which the signal was allowed.
// What it left before that position is then no longer among its rooms. The broker's mutex is
// held.
func (rd *reader) takeSignals(now time.Time, v *view) {
	if !rd.ready || !rd.stalled.IsZero() || v.end != "" {
		return
	}
	if v.more || v.turn != nil {
		v.more = true
		return
	}
	sg, idle := rd.signals, true
	for lane := range signalLane(signalLanes) {
		if next := sg.given[lane].Add(framePace); now.Before(next) {
			idle = false
			if len(sg.signalQueues[lane]) > 0 {
				v.signalDue = earliest(v.signalDue, next)
			}
			continue
		}
		f := sg.first(lane, now)
		if f == nil {
			continue
		}
		idle = false
		if f.At > v.upTo {
			continue // the reader is woken when the tail is there
		}
		sg.drop(lane)
		sg.given[lane] = now
		v.signals[lane] = f
		if len(sg.signalQueues[lane]) > 0 {
			v.signalDue = earliest(v.signalDue, now.Add(framePace))
		}
	}
	if idle {
		rd.signals = nil
	}
}

// signals are one of each kind, or nil.
type signals [signalLanes]*signalFrame

// sendSignals writes the view's signals. They are dropped where the client does not take
// them: they hold nothing up, and end no stream.
func (rd *reader) sendSignals(sc *scratch, v view) reason {
	if v.signals == (signals{}) || !rd.stalled.IsZero() || rd.conn.lags() {
		return ""
	}
	sc.chunk = sc.chunk[:0]
	for _, f := range v.signals {
		if f != nil {
			sc.chunk = append(sc.chunk, f.wires[rd.start.Framing].piece(rd.conn.chunked())...)
		}
	}
	return rd.offer(sc.chunk)
}
