package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// logOut ends the session of every credential that the request carries, and clears
// the cookies once that is done: a browser never forgets a session that lives on. So
// cookies count here beside a header Authorization, and a body that is refused is
// told only afterwards. Where the store does not answer, nothing is cleared.
//
// Because cookies count beside a header Authorization, so does where the page is from.
func (a *api) logOut(c *gin.Context) error {
	access, refresh := a.Cookies.Tokens(c.Request)
	byCookie := access != "" || refresh != ""
	if byCookie {
		if err := a.Origins.Check(c.Request); err != nil {
			return err
		}
	}
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	bodyErr := decode(c, &body)

	ctx := c.Request.Context()
	sent, sentErr := middleware.BearerOf(c.Request)
	if sentErr == nil {
		sentErr = a.endByAccess(ctx, sent)
	}
	ends := []error{
		sentErr,
		a.endByRefresh(ctx, body.RefreshToken),
		a.endByAccess(ctx, access),
		a.endByRefresh(ctx, refresh),
	}
	if err := firstError(ends, func(err error) bool { return !refusesCredential(err) }); err != nil {
		return err
	}
	a.Cookies.Clear(c)
	// What was sent on purpose is refused aloud. A browser with cookies leaves without
	// them, whatever they were still worth.
	refused := firstError(ends[:2], func(err error) bool { return !errors.Is(err, middleware.ErrUnauthenticated) })
	switch {
	case bodyErr != nil:
		return bodyErr
	case slices.Contains(ends, nil):
		return writeNothing(c)
	case refused != nil:
		return refused
	case byCookie:
		return writeNothing(c)
	}
	return middleware.ErrUnauthenticated
}

// endByAccess ends the session of an access token, also of an expired one.
func (a *api) endByAccess(ctx context.Context, token string) error {
	if token == "" {
		return middleware.ErrUnauthenticated
	}
	if err := a.Tokens.NoScript(ctx, token); err != nil {
		return err
	}
	session, err := a.Tokens.Session(ctx, token)
	if err != nil {
		return err
	}
	return a.Accounts.LogOut(ctx, session)
}

// endByRefresh ends the session of a refresh token.
func (a *api) endByRefresh(ctx context.Context, token string) error {
	if token == "" {
		return middleware.ErrUnauthenticated
	}
	return a.Accounts.LogOutByRefreshToken(ctx, token)
}

// refusesCredential says that err tells of a credential that is absent, no good, or none of
// a session, so that there was no session to end.
func refusesCredential(err error) bool {
	return errors.Is(err, middleware.ErrUnauthenticated) || errors.Is(err, middleware.ErrInvalidToken) ||
		errors.Is(err, chat.ErrBadRefreshToken) || errors.Is(err, chat.ErrInsufficientScope)
}

// firstError is the first of errs that is an error and counts.
func firstError(errs []error, counts func(error) bool) error {
	for _, err := range errs {
		if err != nil && counts(err) {
			return err
		}
	}
	return nil
}
