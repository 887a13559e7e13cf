package stream

import (
	"time"

	"parley/chat"
)

// credential is by what right a stream is open, as a value: whose it is, what ends it,
// and how it is kept. Here alone is decided what differs between kinds of credentials.
//
// It is a session of this service's own. A refresh renews the session's row, which is
// looked at before the client is told that the end is near, and again before the end.
type credential struct {
	user    string
	session string

	// expires is when the credential ends, as far as is known.
	expires time.Time
	// notice is how long before that the client is told.
	notice time.Duration
	told   bool
	// next is when to ask; zero while a question waits for its answer.
	next time.Time
}

const (
	// maxNotice bounds [credential.notice], beside half the token's life.
	maxNotice = time.Minute
	// accessGrace is how long a stream outlives its token while the store cannot
	// say whether it was renewed.
	accessGrace = 30 * time.Second
)

func newCredential(actor chat.Actor) credential {
	c := credential{user: actor.Username, session: actor.Session, expires: actor.Expires.Time()}
	life := c.expires.Sub(actor.Issued.Time())
	c.notice = min(maxNotice, life/2)
	c.next = c.expires.Add(-c.notice)
	return c
}

// endedBy says whether an event that concerns the credential's user ends it.
func (c *credential) endedBy(e chat.Event) bool {
	switch e.Kind {
	case chat.KindSessionEnded:
		return e.Session == c.session
	case chat.KindUserDisabled:
		return true
	}
	return false
}

// check moves the credential's state on, with the answer to the question, if there
// is one. It says whether to ask, whether to tell the client that the end is near,
// or why the stream ends.
func (c *credential) check(answer *renewed, now time.Time) (ask, tell bool, end reason) {
	if answer != nil {
		tell, end = c.judge(*answer, now)
		return false, tell, end
	}
	if !c.next.IsZero() && !now.Before(c.next) {
		c.next = time.Time{}
		return true, false, ""
	}
	return false, false, ""
}

// judge draws the conclusion from an answer.
func (c *credential) judge(r renewed, now time.Time) (tell bool, end reason) {
	switch {
	case r.err != nil && now.After(c.expires.Add(accessGrace)):
		return false, reasonExpired
	case r.err != nil:
		c.next = now.Add(time.Second)
	case !r.live:
		return false, reasonRevoked
	case r.until.After(c.expires):
		c.expires, c.told = r.until, false
		c.next = c.expires.Add(-c.notice)
	case !now.Before(c.expires):
		return false, reasonExpired
	case now.Before(c.expires.Add(-c.notice)): // a signal made it ask, and nothing is new
		c.next = c.expires.Add(-c.notice)
	default:
		c.next = c.expires
		tell, c.told = !c.told, true
	}
	return tell, ""
}
