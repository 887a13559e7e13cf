package stream

import (
	"math"
	"time"
)

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
