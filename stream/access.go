package stream

import (
	"time"

	"parley/chat"
)

// access is a stream's credential and how it is kept: a refresh renews the
// session's row, which is looked at before the client is told that the end is
// near, and again before the end.
type access struct {
	// expires is when the credential ends, as far as is known.
	expires time.Time
	// notice is how long before that the client is told.
	notice time.Duration
	told   bool
	// next is when to ask; zero while a question waits for its answer.
	next time.Time
}

const (
	// maxNotice bounds [access.notice], beside half the token's life.
	maxNotice = time.Minute
	// accessGrace is how long a stream outlives its token while the store cannot
	// say whether it was renewed.
	accessGrace = 30 * time.Second
)

func newAccess(actor chat.Actor) access {
	a := access{expires: actor.Expires.Time()}
	life := a.expires.Sub(actor.Issued.Time())
	a.notice = min(maxNotice, life/2)
	a.next = a.expires.Add(-a.notice)
	return a
}

// check moves the credential's state on, with the answer to the question, if there
// is one. It says whether to ask, whether to tell the client that the end is near,
// or why the stream ends.
func (a *access) check(answer *renewed, now time.Time) (ask, tell bool, end reason) {
	if answer != nil {
		tell, end = a.judge(*answer, now)
		return false, tell, end
	}
	if !a.next.IsZero() && !now.Before(a.next) {
		a.next = time.Time{}
		return true, false, ""
	}
	return false, false, ""
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
