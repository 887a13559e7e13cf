package handlers

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
	"parley/rates"
)

// rateOf is what a route is limited by.
func (a *api) rateOf(r route) rates.Policy {
	switch r.method + " " + r.path {
	case "POST /users":
		return a.Rates.SignUps
	case "POST /refresh":
		return a.Rates.Refreshes
	case "POST /messages", "POST /chats/:chat/messages", "PATCH /messages/:id", "DELETE /messages/:id",
		"PUT /messages/:id/reactions/:emoji", "DELETE /messages/:id/reactions/:emoji":
		return a.Rates.Posts
	case "POST /chats/:chat/typing":
		return a.Rates.Typing
	case "GET /chats/:chat/presence":
		return a.Rates.Presence
	case "GET /stream", "GET /chats/:chat/stream", "GET /chats/:chat/wait":
		return a.Rates.Streams
	}
	return rates.Policy{}
}

// limit refuses requests beyond a policy, behind what tells whose they are.
func limit(p rates.Policy) func(*gin.Context) error {
	return func(c *gin.Context) error {
		return p.Take(c.Writer.Header(), actorOf(c).Username, middleware.AddressOf(c))
	}
}

// guess lets a client try what it may have guessed. What turns out to be no guess, or a right
// one, does not count.
func guess(c *gin.Context, p rates.Policy, try func() error) error {
	user, address := actorOf(c).Username, middleware.AddressOf(c)
	if err := p.Take(c.Writer.Header(), user, address); err != nil {
		return err
	}
	err := try()
	if !isWrongGuess(err) {
		p.Return(user, address)
	}
	return err
}

// isWrongGuess says that what was named is not there, or is not what it should be.
func isWrongGuess(err error) bool {
	if err == nil {
		return false
	}
	status := middleware.ProblemOf(err, "", "").Status
	return status == http.StatusUnauthorized || status == http.StatusNotFound
}

// attempt tries a user's password, unless the client has to wait before it guesses again. session is
// the user's that the client has shown to have, or "".
func (a *api) attempt(c *gin.Context, username, session string, try func() error) error {
	attempt, err := a.Rates.SignIns.Begin(c.Writer.Header(), username, middleware.AddressOf(c), session)
	if err != nil {
		return err
	}
	err = try()
	switch {
	case err == nil:
		attempt.End(rates.Right)
	case errors.Is(err, chat.ErrBadCredentials), errors.Is(err, chat.ErrWrongPassword):
		attempt.End(rates.Wrong)
	default:
		attempt.End(rates.Undecided)
	}
	return err
}
