package client

import (
	"context"
	"time"
)

// Session is a sign-in as it is kept outside of a Client. The zero value is none.
type Session struct {
	Username     string `json:"username"`
	Token        string `json:"token"`
	RefreshToken string `json:"refresh_token"`
	// Since and Until are when Token was asked for and when it ends, by the clock of the
	// machine that asked.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Keeper keeps a session where other Clients find it, such as in a file that several
// processes use at once.
type Keeper interface {
	// Change calls change with the session that is kept, and keeps what it returns. From
	// before change is called until its result is kept, every other Change waits, that of
	// another process too: a refresh token is spent by its use, so one Client alone may use
	// it. Where change returns an error, nothing is changed, and Change returns that error.
	Change(ctx context.Context, change func(kept Session) (Session, error)) error
}

// WithSession has the Client go on with a session that k keeps; a zero s is none yet.
// Every login, renewal and logout goes through k. A session of the same user that another
// Client has renewed is taken up instead of being renewed again.
func WithSession(s Session, k Keeper) Option {
	return func(c *Client) { c.keeper, c.creds = k, s.credentials() }
}

// WithToken has the Client use a bearer token that it does not renew, such as a script
// token.
func WithToken(token string) Option {
	return func(c *Client) { c.creds = credentials{token: token} }
}

func (s Session) credentials() credentials {
	return credentials{username: s.Username, token: s.Token, refresh: s.RefreshToken, since: s.Since, life: s.Until.Sub(s.Since)}
}

func (cr credentials) session() Session {
	return Session{Username: cr.username, Token: cr.token, RefreshToken: cr.refresh, Since: cr.since, Until: cr.since.Add(cr.life)}
}

// shared runs change on the kept session; without a keeper, on the Client's own. The
// caller has the turn.
func (c *Client) shared(ctx context.Context, change func(kept Session) (Session, error)) error {
	if c.keeper == nil {
		_, err := change(c.current().session())
		return err
	}
	return c.keeper.Change(ctx, change)
}

// takeUp says whether the kept session is the Client's own, and goes on with its tokens
// where another Client has renewed it. It is not the Client's own once another user has
// logged in, or the user has logged out.
func (c *Client) takeUp(kept Session) (own bool) {
	creds := c.current()
	if kept.Username != creds.username {
		return false
	}
	if kept.RefreshToken != creds.refresh {
		c.change(kept.credentials())
	}
	return true
}
