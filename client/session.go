package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/chat"
)

// credentials are the tokens of a session as they stand.
type credentials struct {
	// generation counts every change. It tells two credentials apart where the
	// tokens do not: two access tokens of one second are the same bytes.
	generation int64
	// username is the session's user; it is not known of a token that was given.
	username string
	token    string
	refresh  string
	// since is when token was asked for, by this machine's clock, and life how
	// long it lasts from then, by the service's.
	since time.Time
	life  time.Duration
	// over is why the session has ended, or nil.
	over error
}

// aging says that the access token is about to end, or has.
func (cr credentials) aging(now time.Time) bool {
	return cr.refresh != "" && now.Sub(cr.since) >= cr.life-min(30*time.Second, cr.life/5)
}

// SignUp makes a user. Without a displayName it is the username. It does not log
// in. chat.ErrUsernameTaken.
func (c *Client) SignUp(ctx context.Context, username, password, displayName string) (chat.User, error) {
	return c.SignUpInvited(ctx, "", username, password, displayName)
}

// SignUpInvited is [Client.SignUp] by an invite, which is needed where not everybody may sign
// up. chat.ErrInviteNotFound, chat.ErrUsernameTaken.
func (c *Client) SignUpInvited(ctx context.Context, invite, username, password, displayName string) (chat.User, error) {
	var u chat.User
	_, err := c.send(ctx, "", request{method: http.MethodPost, path: "/users", body: struct {
		Username    string `json:"username"`
		Password    string `json:"password"`
		DisplayName string `json:"display_name,omitzero"`
		Invite      string `json:"invite,omitzero"`
	}{username, password, displayName, invite}}, &u)
	return u, err
}

// LogIn begins a session in which everything further is asked, until
// [Client.LogOut] or the next LogIn. It does not end the session before it.
// chat.ErrBadCredentials, chat.ErrBusy.
func (c *Client) LogIn(ctx context.Context, username, password string) (chat.User, error) {
	if err := c.takeTurn(ctx); err != nil {
		return chat.User{}, err
	}
	defer c.endTurn()
	var l chat.Login
	err := c.shared(ctx, func(Session) (_ Session, err error) {
		l, err = c.signIn(ctx, request{method: http.MethodPost, path: "/login", body: struct {
			Username string `json:"username"`
			Password string `json:"password"`
		}{username, password}})
		return c.current().session(), err
	})
	return l.User, err
}

// LogOut ends the session and its open streams, and forgets its tokens. Where
// there was no answer it keeps them, so that LogOut can be repeated. Without a
// session it does nothing.
func (c *Client) LogOut(ctx context.Context) error {
	if err := c.takeTurn(ctx); err != nil {
		return err
	}
	defer c.endTurn()
	if c.current().refresh == "" {
		return nil
	}
	return c.shared(ctx, func(kept Session) (Session, error) {
		own := c.takeUp(kept)
		_, err := c.send(ctx, "", request{method: http.MethodPost, path: "/logout", body: refreshBody{c.current().refresh}}, nil)
		if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusUnauthorized {
			err = nil // it is over already
		}
		if err != nil {
			return kept, err
		}
		c.change(credentials{})
		if own {
			kept = Session{}
		}
		return kept, nil
	})
}

// Me reads the user that the session belongs to.
func (c *Client) Me(ctx context.Context) (chat.User, error) {
	var u chat.User
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/me"}, &u)
	return u, err
}

type refreshBody struct {
	RefreshToken string `json:"refresh_token"`
}

// valid gives credentials for the next request, renewed if they are about to
// end. Without a session they are empty, and the service says what it thinks of
// that.
func (c *Client) valid(ctx context.Context) (credentials, error) {
	creds := c.current()
	if creds.over != nil {
		return creds, creds.over
	}
	if !creds.aging(c.now()) {
		return creds, nil
	}
	next, err := c.renew(ctx, creds.generation)
	if _, ok := passing(err); ok && c.now().Sub(creds.since) < creds.life {
		return creds, nil // they will do once more
	}
	return next, err
}

// renew replaces the credentials of the generation given, unless somebody else
// has by the time it is this caller's turn: so many callers make one renewal.
func (c *Client) renew(ctx context.Context, generation int64) (credentials, error) {
	if err := c.takeTurn(ctx); err != nil {
		return credentials{}, err
	}
	defer c.endTurn()
	creds := c.current()
	if creds.refresh == "" || creds.generation != generation {
		return creds, creds.over
	}
	ctx, cancel := c.outlast(ctx)
	defer cancel()
	err := c.shared(ctx, func(kept Session) (Session, error) {
		own := c.takeUp(kept)
		if creds := c.current(); creds.generation != generation && !creds.aging(c.now()) {
			return kept, nil
		}
		if err := c.refresh(ctx); err != nil || !own {
			return kept, err
		}
		return c.current().session(), nil
	})
	if err != nil {
		return credentials{}, err
	}
	return c.current(), nil
}

// refresh spends the refresh token. The caller has the turn.
func (c *Client) refresh(ctx context.Context) error {
	// The same token each time: it is spent by its first use, but gives the same
	// successor again where the answer was lost.
	r := request{method: http.MethodPost, path: "/refresh", body: refreshBody{c.current().refresh}}
	wait := backoff{base: 100 * time.Millisecond, limit: time.Second}
	for attempt := 1; ; attempt++ {
		_, err := c.signIn(ctx, r)
		if err == nil {
			return nil
		}
		if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusUnauthorized {
			c.change(credentials{over: err})
			return err
		}
		after, ok := passing(err)
		if !ok || attempt == 3 {
			return err
		}
		c.log.InfoContext(ctx, "renewing the session again", "error", err)
		if c.pause(ctx, wait.next(after)) != nil {
			return err
		}
	}
}

// keep renews the credentials while ctx lasts, as a stream asks for. Where less
// than half of their life is over it waits for that: the stream was early, or
// another caller has answered the same already, and then nothing is left to do.
func (c *Client) keep(ctx context.Context) {
	creds := c.current()
	if early := creds.life/2 - c.now().Sub(creds.since); early > 0 && c.pause(ctx, early) != nil {
		return
	}
	wait := backoff{base: time.Second, limit: 10 * time.Second}
	for {
		_, err := c.renew(ctx, creds.generation)
		after, again := passing(err)
		if !again || c.pause(ctx, wait.next(after)) != nil {
			return
		}
	}
}

// outlast is ctx with its end put off by renewalGrace.
func (c *Client) outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(c.renewalGrace, cancel) })
	return longer, func() { stop(); cancel() }
}

// signIn sends a request that is answered by new tokens, and keeps them. The
// caller has the turn.
func (c *Client) signIn(ctx context.Context, r request) (chat.Login, error) {
	var l chat.Login
	since := c.now()
	h, err := c.send(ctx, "", r, &l)
	if err != nil {
		return l, err
	}
	if l.Token == "" || l.RefreshToken == "" {
		return l, fmt.Errorf("%s %s: the answer has no tokens", r.method, r.path)
	}
	// The end of the token is told by the service's clock, so it is measured
	// against that clock: this machine's may be wrong by hours.
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = since
	}
	c.change(credentials{
		username: l.User.Username,
		token:    l.Token,
		refresh:  l.RefreshToken,
		since:    since,
		life:     l.ExpiresAt.Time().Sub(sent),
	})
	return l, nil
}

func (c *Client) current() credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.creds
}

// change replaces the credentials. The caller has the turn.
func (c *Client) change(creds credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	creds.generation = c.creds.generation + 1
	c.creds = creds
}

func (c *Client) takeTurn(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) endTurn() { <-c.turn }
