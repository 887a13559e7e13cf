package stream

import (
	"time"

	"parley/chat"
)

// access is a stream's credential and how it is kept: a refresh renews the
// session's row, which is looked at before the client is told that the end is
// near, and again before the end.
type access struct {
	session string
	// expires is when the credential ends, as far as is known.
	expires time.Time
	// notice is how long before that the client is told.
	notice time.Duration
	told   bool

	// next is when to ask; zero while a question waits for its answer.
	next   time.Time
	answer chan renewed
	// wanting says that the question is due and has not been taken yet.
	wanting bool
	// last is an answer that was not looked at yet.
	last *renewed
}

const (
	// maxNotice bounds [access.notice], beside half the token's life.
	maxNotice = time.Minute
	// accessGrace is how long a stream outlives its token while the store cannot
	// say whether it was renewed.
	accessGrace = 30 * time.Second
)

func newAccess(actor chat.Actor, now time.Time) access {
	a := access{session: actor.Session, expires: actor.Expires.Time(), answer: make(chan renewed, 1)}
	life := a.expires.Sub(actor.Issued.Time())
	a.notice = min(maxNotice, life/2)
	a.next = a.expires.Add(-a.notice)
	return a
}

// check moves the credential's state on. It says whether to tell the client that
// the end is near, or why the stream ends.
func (a *access) check(now time.Time) (tell bool, end reason) {
	if a.last != nil {
		last := *a.last
		a.last = nil
		return a.judge(last, now)
	}
	if !a.next.IsZero() && !now.Before(a.next) {
		a.next = time.Time{}
		a.wanting = true
	}
	return false, ""
}

// judge draws the conclusion from an answer.
func (a *access) judge(r renewed, now time.Time) (tell bool, end reason) {
	switch {
	case r.err != nil && now.After(a.expires.Add(accessGrace)):
		return false, reasonExpired
	case r.err != nil:
		a.next = now.Add(time.Second)
	case !r.live:
		return false, reasonRevoked
	case r.until.After(a.expires):
		a.expires, a.told = r.until, false
		a.next = a.expires.Add(-a.notice)
	case !now.Before(a.expires):
		return false, reasonExpired
	default:
		a.next = a.expires
		tell, a.told = !a.told, true
	}
	return tell, ""
}

// asks is where a due question goes; nil, which is never ready, while none is.
func (a *access) asks(rs *renewals) chan<- renewal {
	if !a.wanting {
		return nil
	}
	return rs.ask
}

func (a *access) question() renewal { return renewal{session: a.session, answer: a.answer} }

func (a *access) asked() { a.wanting = false }

func (a *access) answered(r renewed) { a.last = &r }
