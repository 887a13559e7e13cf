package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/middleware"
	"parley/web"
)

// route is one operation of the HTTP API.
type route struct {
	method, path string
	handle       func(*gin.Context) error
	// needs is the credential that the route asks for.
	needs need
	// offers are the media types of the answer, the usual one first; none where
	// there is nothing to choose.
	offers []string
}

// need is the credential that a route asks for.
type need int

const (
	// nobody: no credential. A change that carries a cookie all the same must not
	// come from a foreign page.
	nobody need = iota
	// actor: a verified token, in the header or the cookie; a change by cookie
	// must come from the service's own pages or a listed origin.
	actor
	// follower: an actor. The stream changes nothing and is guarded like a change,
	// because a foreign page could read along.
	follower
)

var (
	inJSON       = []string{typeJSON}
	inJSONOrText = []string{typeJSON, typeText}
	inFrames     = []string{typeEventStream, typeNDJSON, typeText, typeJSON}
)

// routes is the whole API. A path that is not here is answered 404, and another
// method 405. A GET answers HEAD as well, but for streams.
func (a *api) routes() []route {
	routes := []route{
		{"POST", "/users", a.signUp, nobody, inJSON},
		{"POST", "/login", a.logIn, nobody, inJSONOrText},
		{"POST", "/refresh", a.refresh, nobody, inJSONOrText},
		{"POST", "/logout", a.logOut, nobody, nil},
		{"GET", "/me", a.me, actor, inJSON},

		{"POST", "/chats", a.createChat, actor, inJSON},
		{"GET", "/chats", a.listChats, actor, inJSON},
		{"GET", "/chats/:chat", a.readChat, actor, inJSON},
		{"PATCH", "/chats/:chat", a.updateChat, actor, inJSON},
		{"DELETE", "/chats/:chat", a.deleteChat, actor, nil},
		{"GET", "/chats/:chat/members", a.listMembers, actor, inJSON},
		{"PUT", "/chats/:chat/members/:username", a.putMember, actor, inJSON},
		{"DELETE", "/chats/:chat/members/:username", a.removeMember, actor, nil},

		{"POST", "/messages", a.post, actor, inJSONOrText},
		{"POST", "/chats/:chat/messages", a.postInChat, actor, inJSONOrText},
		{"GET", "/chats/:chat/messages", a.history, actor, inJSON},
		{"GET", "/messages/:id", a.readMessage, actor, inJSON},

		{"GET", "/chats/:chat/stream", a.followChat, follower, inFrames},
		{"GET", "/stream", a.followAll, follower, inFrames},

		{"GET", "/healthz", a.healthy, nobody, nil},
		{"GET", "/readyz", a.ready, nobody, nil},
		{"GET", "/metrics", a.metrics, nobody, nil},
	}
	for _, path := range web.Routes() {
		routes = append(routes, route{"GET", path, page, nobody, nil})
	}
	return routes
}

// mount puts a route and what has to come before it into the router.
func (a *api) mount(engine *gin.Engine, r route) {
	var chain gin.HandlersChain
	switch r.needs {
	case nobody:
		if r.method == http.MethodPost {
			chain = append(chain, step(a.guardBystander))
		}
	case actor:
		chain = append(chain, a.Tokens.Authenticate(), a.Origins.Guard())
	case follower:
		chain = append(chain, a.Tokens.Authenticate(), step(a.guardFollower))
	}
	if r.offers != nil {
		chain = append(chain, step(func(c *gin.Context) error { return choose(c, r.offers) }))
	}
	if rate := a.rateOf(r); rate.Limits() {
		chain = append(chain, limit(rate))
	}
	chain = append(chain, step(r.handle))
	engine.Handle(r.method, r.path, chain...)
	if r.method == http.MethodGet && r.needs != follower {
		engine.Handle(http.MethodHead, r.path, chain...)
	}
}

// step runs something that may refuse; then nothing after it runs, and the
// problem is written where all are.
func step(handle func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handle(c); err != nil {
			_ = c.Error(err)
			c.Abort()
		}
	}
}

// answerType is where choose keeps what it chose.
const answerType = "parley/answer-type"

// choose settles the media type of the answer before anything is done for it.
func choose(c *gin.Context, offers []string) error {
	chosen, ok := negotiate(c.Request.Header, offers)
	if !ok {
		return notAcceptable(offers)
	}
	c.Set(answerType, chosen)
	return nil
}

// wantsText says that the answer is to be one value in plain text.
func wantsText(c *gin.Context) bool { return c.GetString(answerType) == typeText }

// page serves the chat page and its files.
func page(c *gin.Context) error {
	pages.ServeHTTP(c.Writer, c.Request)
	return nil
}

var pages = web.Handler()

// actorOf is the user on whose behalf a request is made.
var actorOf = middleware.ActorOf
