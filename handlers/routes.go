package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/docs"
	"parley/middleware"
	"parley/web"
)

// route is one operation of the HTTP API.
type route struct {
	method, path string
	handle       func(*gin.Context) error
	// needs is the credential that the route asks for.
	needs need
	// action is what its actor asks for. What the credential alone refuses of it is refused
	// before anything is read; the store decides it with all that it knows.
	action chat.Action
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
	// follower: an actor, or a stream ticket. The stream changes nothing and is guarded like
	// a change, because a foreign page could read along.
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
		{"POST", "/users", a.signUp, nobody, chat.NoAction, inJSON},
		{"POST", "/login", a.logIn, nobody, chat.NoAction, inJSONOrText},
		{"POST", "/refresh", a.refresh, nobody, chat.NoAction, inJSONOrText},
		{"POST", "/logout", a.logOut, nobody, chat.NoAction, nil},
		{"GET", "/me", a.me, actor, chat.ReadOwnUser, inJSON},
		{"PATCH", "/me", a.changeMe, actor, chat.ChangeOwnUser, inJSON},
		{"DELETE", "/me", a.closeAccount, actor, chat.CloseOwnAccount, nil},
		{"PUT", "/me/password", a.changePassword, actor, chat.ChangeOwnPassword, nil},
		{"GET", "/me/sessions", a.listSessions, actor, chat.ReadOwnSessions, inJSON},
		{"DELETE", "/me/sessions", a.endOtherSessions, actor, chat.EndOwnSessions, nil},
		{"DELETE", "/me/sessions/:session", a.endSession, actor, chat.EndOwnSessions, nil},
		{"POST", "/stream-tickets", a.makeTicket, actor, chat.MakeTicket, inJSON},

		{"POST", "/me/tokens", a.createToken, actor, chat.MakeOwnTokens, inJSON},
		{"GET", "/me/tokens", a.listTokens, actor, chat.ReadOwnTokens, inJSON},
		{"DELETE", "/me/tokens/:id", a.revokeToken, actor, chat.RevokeOwnTokens, nil},
		{"POST", "/users/:username/tokens", a.createToken, actor, chat.ManageBotTokens, inJSON},
		{"GET", "/users/:username/tokens", a.listTokens, actor, chat.ManageBotTokens, inJSON},
		{"DELETE", "/users/:username/tokens/:id", a.revokeToken, actor, chat.ManageBotTokens, nil},
		{"GET", "/users", a.listUsers, actor, chat.ReadUsers, inJSON},
		{"GET", "/users/:username", a.readUser, actor, chat.ReadUsers, inJSON},
		{"PATCH", "/users/:username", a.updateUser, actor, chat.ChangeUsers, inJSON},
		{"DELETE", "/users/:username", a.deleteUser, actor, chat.DeleteUsers, nil},
		{"PUT", "/users/:username/password", a.setPassword, actor, chat.ChangeUsers, nil},
		{"POST", "/invites", a.createInvite, actor, chat.MakeChatInvites, inJSON},
		{"GET", "/invites", a.listInvites, actor, chat.ReadInvites, inJSON},
		{"POST", "/invites/:code", a.useInvite, actor, chat.UseInvite, inJSON},
		{"DELETE", "/invites/:code", a.revokeInvite, actor, chat.RevokeInvites, nil},

		{"POST", "/chats", a.createChat, actor, chat.CreateChat, inJSON},
		{"GET", "/chats", a.listChats, actor, chat.ListChats, inJSON},
		{"GET", "/chats/:chat", a.readChat, actor, chat.ReadChat, inJSON},
		{"PATCH", "/chats/:chat", a.updateChat, actor, chat.ChangeChat, inJSON},
		{"DELETE", "/chats/:chat", a.deleteChat, actor, chat.DeleteChat, nil},
		{"GET", "/chats/:chat/members", a.listMembers, actor, chat.ReadMembers, inJSON},
		{"PUT", "/chats/:chat/members/:username", a.putMember, actor, chat.JoinChat, inJSON},
		{"DELETE", "/chats/:chat/members/:username", a.removeMember, actor, chat.LeaveChat, nil},

		{"POST", "/messages", a.post, actor, chat.PostMessage, inJSONOrText},
		{"POST", "/chats/:chat/messages", a.postInChat, actor, chat.PostMessage, inJSONOrText},
		{"GET", "/chats/:chat/messages", a.history, actor, chat.ReadMessages, inJSON},
		{"GET", "/messages/:id", a.readMessage, actor, chat.ReadMessages, inJSON},
		{"PATCH", "/messages/:id", a.editMessage, actor, chat.EditMessage, inJSON},
		{"DELETE", "/messages/:id", a.deleteMessage, actor, chat.DeleteOwnMessage, nil},
		{"GET", "/messages/:id/replies", a.replies, actor, chat.ReadMessages, inJSON},
		{"PUT", "/messages/:id/reactions/:emoji", a.addReaction, actor, chat.React, inJSON},
		{"DELETE", "/messages/:id/reactions/:emoji", a.removeReaction, actor, chat.React, inJSON},
		{"GET", "/chats/:chat/wait", a.waitForMessage, actor, chat.FollowChat, inJSON},

		{"POST", "/chats/:chat/typing", a.signalTyping, actor, chat.ShowTyping, nil},
		{"GET", "/chats/:chat/presence", a.listPresent, actor, chat.ReadPresence, inJSON},
		{"PUT", "/chats/:chat/read", a.markRead, actor, chat.MarkRead, nil},
		{"GET", "/chats/:chat/read", a.listMarkers, actor, chat.ReadMarkers, inJSON},

		{"GET", "/chats/:chat/stream", a.followChat, follower, chat.FollowChat, inFrames},
		{"GET", "/stream", a.followAll, follower, chat.FollowAll, inFrames},

		{"GET", "/healthz", a.healthy, nobody, chat.NoAction, nil},
		{"GET", "/readyz", a.ready, nobody, chat.NoAction, nil},
		{"GET", "/metrics", a.metrics, nobody, chat.NoAction, nil},
	}
	for _, path := range web.Routes() {
		routes = append(routes, route{"GET", path, page, nobody, chat.NoAction, nil})
	}
	for _, path := range docs.Routes() {
		routes = append(routes, route{"GET", path, description, nobody, chat.NoAction, nil})
	}
	return routes
}

// Routes are the methods and paths of the API, such as "GET /chats/:chat", of the page and its
// files, and of the description.
func Routes() []string {
	var routes []string
	for _, r := range (&api{}).routes() {
		routes = append(routes, r.method+" "+r.path)
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
		chain = append(chain, a.Tokens.Authenticate(), a.Origins.Guard(), step(covered(r.action)))
	case follower:
		chain = append(chain, step(a.authenticateFollower), step(covered(r.action)))
	}
	if r.offers != nil {
		chain = append(chain, step(func(c *gin.Context) error { return choose(c, r.offers) }))
	}
	if rate := a.rateOf(r); rate.Limits() {
		chain = append(chain, step(limit(rate)))
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

// covered refuses what the actor's credential does not cover. Of a chat that the request
// names in its body, the store decides that.
func covered(action chat.Action) func(*gin.Context) error {
	return func(c *gin.Context) error { return actorOf(c).Covers(action, c.Param("chat")) }
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

// description serves what the service says of its own interface.
func description(c *gin.Context) error {
	descriptions.ServeHTTP(c.Writer, c.Request)
	return nil
}

var pages, descriptions = web.Handler(), docs.Handler()

// actorOf is the user on whose behalf a request is made.
var actorOf = middleware.ActorOf
