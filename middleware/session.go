package middleware

import (
	"net/http"
	"time"
)

// Session is the session that the request's access token names, also where the
// token has expired: enough to end the session, and for nothing else. byCookie
// says that a token came by cookie, good or bad. [ErrUnauthenticated] where none
// was sent, [ErrInvalidToken] for one that is not of this service.
func (t *Tokens) Session(r *http.Request) (session string, byCookie bool, err error) {
	cred, err := credentialOf(r)
	if err != nil {
		return "", false, err
	}
	// To a clock that stands still every token is in time.
	timeless := &Tokens{jwt: t.jwt, now: func() time.Time { return time.Time{} }}
	actor, err := timeless.Verify(cred.token)
	return actor.Session, cred.byCookie, err
}
