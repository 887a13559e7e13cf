package middleware

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v4"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/chat"
)

const (
	algorithm = "HS256"
	// issuer is the service, and audience is what its access tokens are for. Both are
	// fixed: instances share a database and a secret, and not an address.
	issuer   = "parley"
	audience = "parley"
	// tokenType tells access tokens from all else that is signed (RFC 9068 section 2.1,
	// RFC 8725 section 3.11).
	tokenType = "at+jwt"
	// minKey is the output size of HS256's hash, the least that RFC 7518 section
	// 3.2 allows.
	minKey = 32

	actorKey    = "parley/actor"
	byCookieKey = "parley/by-cookie"
)

// TokenOptions are what access tokens are made with.
type TokenOptions struct {
	// Keys verify, by HS256, and the first of them signs. Each has at least 32 bytes.
	Keys [][]byte
	// TTL is how long a token lives, at least a second.
	TTL time.Duration
	// Cookies are where browsers keep their tokens; nil is NewCookies("", "").
	Cookies *Cookies
	// Foreign takes tokens of other issuers; nil takes none.
	Foreign Foreign
	// Scripts verifies script tokens; nil takes none.
	Scripts ScriptTokens
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
// It stands on gin-jwt's verification and on none of its handlers, because those leave open
// what must not be: they pass from a malformed header on to the cookie, know the scheme in
// one spelling only, refresh for ever, ask no store, and answer with the error's own text.
// Its signing is not used either: that can set no header, and so no typ.
type Tokens struct {
	// verifiers check signatures, each by one key.
	verifiers []*ginjwt.GinJWTMiddleware
	key       []byte
	ttl       time.Duration
	now       func() time.Time

	cookies *Cookies
	foreign Foreign
	scripts ScriptTokens
	// known are tokens that were found good.
	known *lru.Cache[string, chat.Actor]

	log *slog.Logger
	// told is when a line was last logged of clocks that differ, in Unix seconds.
	told atomic.Int64
}

// header is that of an access token. Where it says more, such as a kid or where a key is to
// be found, the token was not made here.
type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
}

// claims are those of an access token: all of them, and no others.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Session  string `json:"sid"`
	// ID tells the tokens of one session and second from each other.
	ID      string `json:"jti"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
}

// Valid implements jwt.Claims; see [Tokens.parse].
func (claims) Valid() error { return nil }

// NewTokens refuses a key that is too short; gin-jwt itself would verify with an empty one.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if o.TTL < time.Second {
		return nil, fmt.Errorf("access tokens of %v are too short-lived: at least a second", o.TTL)
	}
	if len(o.Keys) == 0 {
		return nil, errors.New("access tokens need a key")
	}
	t := &Tokens{key: o.Keys[0], ttl: o.TTL, now: o.Now, foreign: o.Foreign, scripts: o.Scripts, cookies: cmp.Or(o.Cookies, NewCookies("", "")), log: cmp.Or(o.Log, slog.Default())}
	if t.now == nil {
		t.now = time.Now
	}
	for _, key := range o.Keys {
		verifier, err := newVerifier(key)
		if err != nil {
			return nil, err
		}
		t.verifiers = append(t.verifiers, verifier)
	}
	var err error
	if t.known, err = lru.New[string, chat.Actor](maxKnown); err != nil {
		return nil, fmt.Errorf("setting up access tokens: %w", err)
	}
	return t, nil
}

// newVerifier makes what checks the signatures of one key.
func newVerifier(key []byte) (*ginjwt.GinJWTMiddleware, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("the key of access tokens has %d bytes, and needs at least %d", len(key), minKey)
	}
	verifier, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Realm:            issuer,
		SigningAlgorithm: algorithm,
		// Never KeyFunc, which turns off the check of the algorithm.
		Key: key,
		ParseOptions: []jwt.ParserOption{
			jwt.WithValidMethods([]string{algorithm}),
			// The claims are checked in parse and Verify: the library's own check knows
			// only the machine's clock, takes a token without exp, and refuses
			// one that another instance, whose clock is a little ahead, signed
			// just now.
			jwt.WithoutClaimsValidation(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up access tokens: %w", err)
	}
	return verifier, nil
}

// Sign makes an access token for a session of the user. It ends at expires, a
// whole second.
func (t *Tokens) Sign(username, session string) (token string, expires time.Time, err error) {
	now := t.now()
	expires = now.Add(t.ttl).Truncate(time.Second)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Issuer: issuer, Audience: audience, Subject: username, Session: session, ID: rand.Text(),
		Issued: now.Unix(), Expires: expires.Unix(),
	})
	unsigned.Header["typ"] = tokenType
	if token, err = unsigned.SignedString(t.key); err != nil {
		return "", time.Time{}, fmt.Errorf("signing an access token: %w", err)
	}
	return token, expires, nil
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
		actor, err := t.actor(c.Request.Context(), cred)
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

// Session is the session that an access token names: enough to end the session, and for
// nothing else. That of a token of this service is told also where the token has ended.
// [ErrInvalidToken], and the errors of [Foreign].
func (t *Tokens) Session(ctx context.Context, token string) (string, error) {
	actor, listed, err := t.admit(ctx, token)
	if !listed {
		actor, err = t.read(token)
	}
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

// parse checks the signature, and then header and claims, none of which gin-jwt does. They
// are decoded strictly: a token that says a thing twice, or more than Sign does, was not
// made here, whatever its signature says.
func (t *Tokens) parse(token string) (chat.Actor, error) {
	var h header
	var c claims
	parsed, ok := t.verify(token)
	if !ok {
		return chat.Actor{}, ErrInvalidToken
	}
	head, rest, _ := strings.Cut(parsed.Raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if decodePart(head, &h) != nil || decodePart(payload, &c) != nil ||
		h.Type != tokenType || c.Issuer != issuer || c.Audience != audience || chat.CheckUsername(c.Subject) != nil ||
		c.Session == "" || c.ID == "" || c.Issued <= 0 || c.Expires <= 0 {
		return chat.Actor{}, ErrInvalidToken
	}
	return chat.Actor{
		Username: c.Subject, Session: c.Session,
		Issued: chat.NewTime(time.Unix(c.Issued, 0)), Expires: chat.NewTime(time.Unix(c.Expires, 0)),
	}, nil
}

// verify checks the signature by one key after another.
func (t *Tokens) verify(token string) (*jwt.Token, bool) {
	for _, verifier := range t.verifiers {
		if parsed, err := verifier.ParseTokenString(token); err == nil && parsed.Valid {
			return parsed, true
		}
	}
	return nil, false
}

// decodePart reads one part of a token: a JSON object of exactly the known members.
func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into, json.RejectUnknownMembers(true))
}
