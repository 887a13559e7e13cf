package stream

import (
	"math"
	"time"
)

// timers are the times at which a reader has something to do that no event brings.
// They belong to the reader's driver.
type timers struct {
	began        time.Time
	ping, rotate time.Time
	// timeout is zero where the client named none.
	timeout time.Time
	// alarm is when the reader next has to be stepped.
	alarm time.Time
}

func newTimers(o Options, s *Start, now time.Time) timers {
	t := timers{began: now, ping: now.Add(jitter(o.Ping)), rotate: now.Add(jitter(o.Rotate))}
	if s.Timeout > 0 {
		t.timeout = now.Add(s.Timeout)
	}
	return t
}

// runTimers does what the timers ask for. An end that can wait does while the socket is
// full, so that it comes behind a whole frame; rights end all the same.
func (rd *reader) runTimers(sc *scratch, v view, now time.Time) reason {
	stalled := !rd.stalled.IsZero()
	switch {
	case v.draining:
		return reasonShutdown
	case !v.endDue.IsZero() && !now.Before(v.endDue):
		return v.endWhy
	case !stalled && !rd.timeout.IsZero() && !now.Before(rd.timeout):
		return reasonTimeout
	case stalled && !now.Before(rd.slowAt()):
		return reasonSlow
	case !stalled && !now.Before(rd.rotate):
		return reasonRotate
	}
	if why := rd.keepAccess(sc, v.answer, now); why != "" {
		return why
	}
	if !now.Before(rd.ping) {
		rd.ping = now.Add(jitter(rd.broker.opts.Ping))
		return rd.sendPing(sc, v, now)
	}
	return ""
}

// keepAccess keeps the stream's credential: it asks whether that was renewed before
// it says `auth`, and again before the stream ends.
func (rd *reader) keepAccess(sc *scratch, answer *renewed, now time.Time) reason {
	ask, tell, why := rd.credential.check(answer, now)
	if ask {
		rd.broker.renewals.ask(rd)
	}
	if tell && why == "" {
		why = rd.sendControl(sc, "auth", struct {
			ExpiresIn int64 `json:"expires_in"`
		}{int64(math.Ceil(rd.credential.expires.Sub(now).Seconds()))})
	}
	return why
}

// setTimer notes when a timer next asks for a step.
func (rd *reader) setTimer(v view) {
	rd.alarm = earliest(rd.ping, v.retry, rd.credential.next, v.endDue)
	if rd.stalled.IsZero() {
		rd.alarm = earliest(rd.alarm, rd.rotate, rd.timeout, v.signalDue)
	} else {
		rd.alarm = earliest(rd.alarm, rd.slowAt())
	}
}

// slowAt is when a reader whose socket is full counts as slow.
func (rd *reader) slowAt() time.Time { return rd.stalled.Add(rd.broker.opts.Patience) }

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
