package middleware

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v4"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/chat"
)

const (
	algorithm = "HS256"
	issuer    = "parley"
	// minKey is the output size of HS256's hash, the least that RFC 7518 section
	// 3.2 allows.
	minKey = 32

	actorKey    = "parley/actor"
	byCookieKey = "parley/by-cookie"
)

// TokenOptions are what access tokens are made with.
type TokenOptions struct {
	// Key signs and verifies, by HS256. At least 32 bytes.
	Key []byte
	// TTL is how long a token lives, at least a second.
	TTL time.Duration
	// Cookies are where browsers keep their tokens; nil is NewCookies("", "").
	Cookies *Cookies
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes a line when tokens show that clocks differ; nil is slog.Default.
	Log *slog.Logger
}

// Leeway is how far the clocks of instances may differ. A token is refused that was issued
// further ahead of this instance's clock: it would live longer here than it may. One of an instance
// whose clock is behind ends earlier here by as much.
const Leeway = time.Minute

// Tokens signs access tokens and verifies them into actors. All its methods may
// be called by many goroutines at once.
//
// It stands on gin-jwt's signing and verification and on none of its handlers,
// because those leave open what must not be: they pass from a malformed header
// on to the cookie, know the scheme in one spelling only, refresh for ever, ask
// no store, and answer with the error's own text.
type Tokens struct {
	jwt *ginjwt.GinJWTMiddleware
	now func() time.Time

	cookies *Cookies
	// known are tokens that were found good.
	known *lru.Cache[string, chat.Actor]

	log *slog.Logger
	// told is when a line was last logged of clocks that differ, in Unix seconds.
	told atomic.Int64
}

// subject is what gin-jwt hands to PayloadFunc when it signs.
type subject struct {
	username, session string
	issued            time.Time
}

// NewTokens refuses a key that is too short; gin-jwt itself would sign with an
// empty one.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if len(o.Key) < minKey {
		return nil, fmt.Errorf("the key of access tokens has %d bytes, and needs at least %d", len(o.Key), minKey)
	}
	if o.TTL < time.Second {
		return nil, fmt.Errorf("access tokens of %v are too short-lived: at least a second", o.TTL)
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	mw, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Realm:            issuer,
		SigningAlgorithm: algorithm,
		// Never KeyFunc, which turns off the check of the algorithm.
		Key:         o.Key,
		Timeout:     o.TTL,
		TimeFunc:    now,
		PayloadFunc: payload,
		ParseOptions: []jwt.ParserOption{
			jwt.WithValidMethods([]string{algorithm}),
			jwt.WithJSONNumber(),
			// The claims are checked in read and Verify: the library's own check knows
			// only the machine's clock, takes a token without exp, and refuses
			// one that another instance, whose clock is a little ahead, signed
			// just now.
			jwt.WithoutClaimsValidation(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up access tokens: %w", err)
	}
	known, err := lru.New[string, chat.Actor](maxKnown)
	if err != nil {
		return nil, fmt.Errorf("setting up access tokens: %w", err)
	}
	return &Tokens{jwt: mw, now: now, cookies: cmp.Or(o.Cookies, NewCookies("", "")), known: known, log: cmp.Or(o.Log, slog.Default())}, nil
}

// payload gives the claims that gin-jwt does not set itself.
func payload(data any) ginjwt.MapClaims {
	s, ok := data.(subject)
	if !ok {
		return nil
	}
	return ginjwt.MapClaims{"iss": issuer, "sub": s.username, "sid": s.session, "iat": s.issued.Unix()}
}

// Sign makes an access token for a session of the user. It ends at expires, a
// whole second.
func (t *Tokens) Sign(username, session string) (token string, expires time.Time, err error) {
	token, expires, err = t.jwt.TokenGenerator(subject{username: username, session: session, issued: t.now()})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("signing an access token: %w", err)
	}
	return token, expires.Truncate(time.Second), nil
}

// Authenticate demands an access token, by the header Authorization or by
// cookie, and sets the request's actor. Without a good one it answers 401 with
// the challenge of RFC 6750. A token in the URL never counts; [NoTokenInURL]
// refuses it. Whether the actor's session still lives is not asked here: the
// store answers that together with what is asked of it.
func (t *Tokens) Authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		cred, err := t.cookies.credentialOf(c.Request)
		if err != nil {
			WriteProblem(c, err)
			return
		}
		actor, err := t.Verify(cred.token)
		if err != nil {
			WriteProblem(c, err)
			return
		}
		SetActor(c, actor)
		c.Set(byCookieKey, cred.byCookie)
	}
}

// SetActor sets on whose behalf the request is made.
func SetActor(c *gin.Context, actor chat.Actor) { c.Set(actorKey, actor) }

// ActorOf is on whose behalf the request is made; without an actor, the zero
// value, which no store knows.
func ActorOf(c *gin.Context) chat.Actor {
	v, _ := c.Get(actorKey)
	actor, _ := v.(chat.Actor)
	return actor
}

// ByCookie says that the actor is known by a cookie, which a browser sends by
// itself, from any page.
func ByCookie(c *gin.Context) bool { return c.GetBool(byCookieKey) }

// Verify tells whom an access token speaks for. [ErrInvalidToken] for every token
// that is not of this service, or has ended.
func (t *Tokens) Verify(token string) (chat.Actor, error) {
	actor, err := t.read(token)
	now := t.now()
	if err != nil || !now.Before(actor.Expires.Time()) {
		return chat.Actor{}, ErrInvalidToken
	}
	if ahead := actor.Issued.Time().Sub(now); ahead > Leeway {
		t.tell(now, ahead)
		return chat.Actor{}, ErrInvalidToken
	}
	return actor, nil
}

// tell logs that clocks differ, once a minute.
func (t *Tokens) tell(now time.Time, ahead time.Duration) {
	last := t.told.Load()
	if now.Unix()-last < 60 && now.Unix() >= last || !t.told.CompareAndSwap(last, now.Unix()) {
		return
	}
	t.log.Warn("access tokens are refused that were issued ahead of this clock: let all instances keep the same time",
		"ahead", ahead, "leeway", Leeway)
}

// Session is the session that an access token names, also where the token has
// ended: enough to end the session, and for nothing else. [ErrInvalidToken] for one
// that is not of this service.
func (t *Tokens) Session(token string) (string, error) {
	actor, err := t.read(token)
	return actor.Session, err
}

// read checks all of a token but whether it has ended. What it found good stays so,
// and is not worked out again as long as it is among those used last.
func (t *Tokens) read(token string) (chat.Actor, error) {
	if actor, ok := t.known.Get(token); ok {
		return actor, nil
	}
	actor, err := t.parse(token)
	if err == nil {
		t.known.Add(token, actor)
	}
	return actor, err
}

// maxKnown is how many good tokens are remembered, each of some hundred bytes.
const maxKnown = 10_000

// parse checks the signature, and the claims, none of which gin-jwt does. A token
// that names an audience or a beginning was not made here, whatever its signature
// says.
func (t *Tokens) parse(token string) (chat.Actor, error) {
	parsed, err := t.jwt.ParseTokenString(token)
	if err != nil || !parsed.Valid {
		return chat.Actor{}, ErrInvalidToken
	}
	claims := ginjwt.ExtractClaimsFromToken(parsed)
	iss, _ := claims["iss"].(string)
	sub, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	iat, _ := claims["iat"].(json.Number)
	exp, _ := claims["exp"].(json.Number)
	_, hasAudience := claims["aud"]
	_, hasBeginning := claims["nbf"]
	issued, noIssue := iat.Int64()
	expires, noEnd := exp.Int64()
	if noIssue != nil || noEnd != nil || iss != issuer || sid == "" || hasAudience || hasBeginning || chat.CheckUsername(sub) != nil {
		return chat.Actor{}, ErrInvalidToken
	}
	return chat.Actor{
		Username: sub, Session: sid,
		Issued: chat.NewTime(time.Unix(issued, 0)), Expires: chat.NewTime(time.Unix(expires, 0)),
	}, nil
}
