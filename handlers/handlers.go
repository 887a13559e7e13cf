package handlers

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
	"parley/rates"
	"parley/stream"
)

// Accounts signs users up, in and out. auth.Service implements it.
type Accounts interface {
	SignUp(ctx context.Context, s auth.SignUp) (chat.User, error)
	LogIn(ctx context.Context, s auth.SignIn) (chat.Login, error)
	Refresh(ctx context.Context, refreshToken string) (chat.Login, error)
	LogOut(ctx context.Context, session string) error
	LogOutByRefreshToken(ctx context.Context, refreshToken string) error
	MakeUser(ctx context.Context, actor chat.Actor, u auth.MadeUser) (chat.User, error)
	SetPassword(ctx context.Context, actor chat.Actor, p auth.PasswordSetting) error
	ChangePassword(ctx context.Context, actor chat.Actor, p auth.PasswordChange) error
	CloseAccount(ctx context.Context, actor chat.Actor, c auth.Closing) error
}

// Users keeps the actor's own user and its sessions. Its methods answer as those of
// chat.Chats, besides the errors that they name.
type Users interface {
	User(ctx context.Context, actor chat.Actor) (chat.User, error)
	ChangeOwnUser(ctx context.Context, actor chat.Actor, displayName string) (chat.User, error)
	// Sessions lists the user's sessions that go on, by id.
	Sessions(ctx context.Context, actor chat.Actor, q chat.ListQuery) (chat.Page[chat.Session], error)
	// EndOwnSession ends a session of the user. chat.ErrNotFound, also for one of another.
	EndOwnSession(ctx context.Context, actor chat.Actor, id string) error
	// EndOtherSessions ends all sessions of the user but the actor's.
	EndOtherSessions(ctx context.Context, actor chat.Actor) error
}

// Tickets opens streams for pages that can send no header. auth.Tickets implements it.
type Tickets interface {
	Make(actor chat.Actor, origin, path string) (ticket string, expires chat.Time)
	Redeem(ctx context.Context, ticket, returned, origin, path string) (actor chat.Actor, comeBack string, err error)
}

// ScriptTokens keeps script tokens: the actor's own or, where bot is not empty, that bot's.
// repository.Repository implements it.
type ScriptTokens interface {
	CreateToken(ctx context.Context, actor chat.Actor, bot string, token auth.ScriptToken, n chat.NewToken) (chat.Token, error)
	Tokens(ctx context.Context, actor chat.Actor, bot string, q chat.ListQuery) (chat.Page[chat.Token], error)
	RevokeToken(ctx context.Context, actor chat.Actor, bot, id string) error
}

// Streams serves streams. An error means that nothing was written. stream.Broker
// implements it.
type Streams interface {
	Serve(w http.ResponseWriter, r *http.Request, s *stream.Start) error
	Page(ctx context.Context, s *stream.Start, wait time.Duration) (stream.Page, error)
	// Present lists the users that are present in a chat at this instance, in no order.
	Present(chatID string) []string
	// Signal gives a signal to the streams that it concerns. It does not block.
	Signal(s stream.Signal)
	// Hold waits before something is posted to a chat whose followers cannot keep up.
	Hold(ctx context.Context, chatID string)
}

// SignUps decides which requests may sign up by POST /users.
type SignUps int

const (
	// SignUpsClosed takes those that have an invite, as the others do too.
	SignUpsClosed SignUps = iota
	// SignUpsDirect takes those that no proxy forwarded and that ask a loopback or a
	// listed host. On a loopback address these come from the same machine.
	SignUpsDirect
	// SignUpsOpen takes all.
	SignUpsOpen
)

// Options are what the handlers stand on. All of it is needed but Metrics.
type Options struct {
	Accounts Accounts
	Users    Users
	Chats    chat.Chats
	Messages chat.Messages
	Signals  chat.Signals
	Streams  Streams
	Tickets  Tickets
	Scripts  ScriptTokens

	Administration chat.Administration
	Invites        chat.Invites

	Tokens         *middleware.Tokens
	Cookies        *middleware.Cookies
	Origins        *middleware.Origins
	TrustedProxies []netip.Prefix
	SignUps        SignUps
	Rates          rates.Policies

	// BasePath is the path under which clients find the service: "" for the root, else
	// one such as "/chat".
	BasePath string

	// Ready names what keeps the service from taking traffic, and says why;
	// nothing is good news.
	Ready func(ctx context.Context) []chat.FieldError
	// Bus is how the bus between instances is, "up" or "down"; empty where there is none.
	Bus func() string
	// Metrics answers /metrics, for callers on this machine that no proxy
	// forwarded; nil where they have an address of their own.
	Metrics http.Handler

	Log *slog.Logger
	// AccessLog takes a line for each request. It does not block.
	AccessLog  io.Writer
	Registerer prometheus.Registerer
}

// maxBody bounds what a client may send, in bytes.
const maxBody = 128 << 10

// api is the receiver of all handlers.
type api struct{ Options }

// New makes the service's HTTP door.
func New(o Options) http.Handler {
	engine := newEngine()
	engine.Use(
		bounded(answerWithin),
		middleware.BasePath(o.BasePath),
		middleware.Forwarded(o.TrustedProxies),
		middleware.RequestID(),
		middleware.AccessLog(o.AccessLog, o.Registerer),
		middleware.Problems(),
		middleware.Recovery(o.Log),
		middleware.Unannounced(o.TrustedProxies, o.Log),
		hardened,
		o.Origins.CORS(),
		inBand,
		middleware.NoTokenInURL(),
		middleware.LimitBody(maxBody),
	)

	a := &api{o}
	for _, r := range a.routes() {
		a.mount(engine, r)
	}
	return mountAt(o.BasePath, engine)
}

// newEngine makes a router that redirects nowhere and answers for a path or a method
// that it does not have as for any other failure.
func newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	// Whom to believe about forwarding is decided by middleware.Forwarded alone.
	engine.ForwardedByClientIP = false
	_ = engine.SetTrustedProxies(nil) // fails for addresses that cannot be read, of which there are none
	engine.NoRoute(func(c *gin.Context) { middleware.WriteProblem(c, middleware.ErrNoRoute) })
	engine.NoMethod(func(c *gin.Context) { middleware.WriteProblem(c, middleware.ErrMethodNotAllowed) })
	return engine
}

// hardened sets what holds for every answer: nobody may guess at its type.
func hardened(c *gin.Context) { c.Writer.Header().Set("X-Content-Type-Options", "nosniff") }
