package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// ticketParameter is the query's name for a stream ticket.
const ticketParameter = "ticket"

// makeTicket answers with a stream ticket for the page that asks.
func (a *api) makeTicket(c *gin.Context) error {
	var body struct {
		Path string `json:"path"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	path := withoutBase(body.Path, a.BasePath)
	if path != "" && !isStreamPath(path) {
		return chat.Invalid("path", "must be the path of a stream: /stream or /chats/{chat}/stream")
	}
	origin, err := a.Origins.Foreign(c.Request)
	if err != nil {
		return err
	}
	// That the session goes on is asked here, so that a ticket is no surprise later.
	if _, err := a.Users.User(c.Request.Context(), actorOf(c)); err != nil {
		return err
	}
	ticket, expires := a.Tickets.Make(actorOf(c), origin, path)
	return writeJSON(c, http.StatusCreated, struct {
		Ticket    string    `json:"ticket"`
		ExpiresAt chat.Time `json:"expires_at"`
	}{ticket, expires})
}

// isStreamPath says whether a path, without the base path, is one of a stream.
func isStreamPath(path string) bool {
	chatID, ok := strings.CutPrefix(path, "/chats/")
	if !ok {
		return path == "/stream"
	}
	chatID, ok = strings.CutSuffix(chatID, "/stream")
	return ok && chat.CheckChatID(chatID) == nil
}

// authenticateFollower finds out whom a stream is for: by the header Authorization or,
// without one, by a ticket in the query or, without that, by the cookie that login set. That
// must come from one of the service's own pages or of a listed origin, because EventSource
// sends it along, and a foreign page could read everything.
func (a *api) authenticateFollower(c *gin.Context) error {
	q := queryOf(c)
	ticket := q.text(ticketParameter)
	if ticket == "" || c.Request.Header["Authorization"] != nil {
		if a.Tokens.Authenticate()(c); c.IsAborted() || !middleware.ByCookie(c) {
			return nil
		}
		return a.Origins.Check(c.Request)
	}
	if err := q.err(); err != nil {
		return err
	}
	origin, err := a.Origins.Foreign(c.Request)
	if err != nil {
		return chat.ErrBadTicket
	}
	var actor chat.Actor
	var comeBack string
	err = guess(c, a.Rates.Tickets, func() (err error) {
		actor, comeBack, err = a.Tickets.Redeem(c.Request.Context(), ticket, a.Cookies.Stream(c.Request), origin, c.Request.URL.Path)
		return err
	})
	if err != nil {
		return err
	}
	middleware.SetActor(c, actor)
	a.Cookies.SetStream(c, comeBack, actor.Expires)
	return nil
}
