package issuers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/auth"
	"parley/chat"
)

// errNotListed says that a token names no issuer that is listed.
var errNotListed = errors.New("the token is of no issuer that is listed")

// maxKnown is how many good tokens are remembered: of some hundred bytes each, and of maxToken
// at the most.
const maxKnown = 10_000

// Options are what a [Set] stands on.
type Options struct {
	Issuers []Config
	Store   auth.ForeignStore
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes a line a minute for each issuer whose keys cannot be read; nil is
	// slog.Default.
	Log *slog.Logger
}

// Set is the issuers whose tokens are accepted. Its methods may be called by many goroutines
// at once.
type Set struct {
	issuers map[string]*issuer
	store   auth.ForeignStore
	now     func() time.Time
	// known are tokens that were found good.
	known *lru.Cache[string, admitted]

	ctx     context.Context
	stop    context.CancelFunc
	loading sync.WaitGroup
}

// admitted is a token that was found good by some keys, and whom it speaks for.
type admitted struct {
	actor chat.Actor
	of    *issuer
	keys  *keySet
}

// issuer is one entry and its keys.
type issuer struct {
	Config
	allowed []jose.SignatureAlgorithm
	ring    *keyring // nil where tokens are signed by a secret
}

// New begins to read the issuers' keys, and does not wait for them.
func New(o Options) (*Set, error) {
	known, err := lru.New[string, admitted](maxKnown)
	if err != nil {
		return nil, fmt.Errorf("setting up other issuers: %w", err)
	}
	s := &Set{issuers: make(map[string]*issuer), store: o.Store, now: o.Now, known: known}
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for _, c := range o.Issuers {
		is := &issuer{Config: c, allowed: c.algorithms()}
		s.issuers[c.Issuer] = is
		if c.secret != nil {
			continue
		}
		is.ring = &keyring{
			issuer: c.Issuer, load: is.loadKeys, now: s.now, log: cmp.Or(o.Log, slog.Default()), timeout: loadTimeout, run: s.run,
		}
		is.ring.reload(true)
	}
	return s, nil
}

// run calls fn in a goroutine that Close ends and waits for.
func (s *Set) run(fn func(ctx context.Context)) {
	s.loading.Go(func() { fn(s.ctx) })
}

// Close ends what is still being read. No method is called afterwards.
func (s *Set) Close() {
	s.stop()
	s.loading.Wait()
}

// Admit tells whom a token speaks for, and sees that its user and session are stored. Where
// it names no listed issuer, listed is false and nothing else is said of it.
// chat.ErrInvalidToken, chat.ErrSessionEnded, and the store's errors.
func (s *Set) Admit(ctx context.Context, token string) (actor chat.Actor, listed bool, err error) {
	if len(s.issuers) == 0 {
		return chat.Actor{}, false, nil
	}
	if a, ok := s.known.Get(token); ok && a.holds(s.now()) {
		return a.actor, true, nil
	}
	foreign, is, keys, err := s.verify(ctx, token)
	switch {
	case errors.Is(err, errNotListed):
		return chat.Actor{}, false, nil
	case err != nil:
		return chat.Actor{}, true, err
	}
	username, err := s.store.Admit(ctx, foreign)
	if err != nil {
		return chat.Actor{}, true, fmt.Errorf("admitting a user of another issuer: %w", err)
	}
	actor = chat.Actor{
		Username: username, Session: foreign.Session, Kind: chat.ForeignToken,
		Issued: chat.NewTime(foreign.Issued), Expires: chat.NewTime(foreign.Expires),
	}
	s.known.Add(token, admitted{actor, is, keys})
	return actor, true, nil
}

// holds says that the token has not ended, and that the keys by which it was found good are
// still the issuer's.
func (a admitted) holds(now time.Time) bool {
	if !now.Before(a.actor.Expires.Time()) {
		return false
	}
	if a.of.ring == nil {
		return true
	}
	a.of.ring.reload(false)
	return a.of.ring.set.Load() == a.keys
}

// Verify tells what a token says. chat.ErrInvalidToken for one that is no good, or of no listed
// issuer.
func (s *Set) Verify(ctx context.Context, token string) (auth.Foreign, error) {
	foreign, _, _, err := s.verify(ctx, token)
	if err != nil {
		return auth.Foreign{}, chat.ErrInvalidToken
	}
	return foreign, nil
}

func (s *Set) verify(ctx context.Context, token string) (auth.Foreign, *issuer, *keySet, error) {
	name, _ := issuerOf(token)
	is, listed := s.issuers[name]
	if !listed {
		return auth.Foreign{}, nil, nil, errNotListed
	}
	payload, keys, err := is.open(ctx, token)
	if err != nil {
		return auth.Foreign{}, nil, nil, chat.ErrInvalidToken
	}
	foreign, err := is.read(token, payload, s.now())
	if err != nil {
		return auth.Foreign{}, nil, nil, chat.ErrInvalidToken
	}
	return foreign, is, keys, nil
}

// open checks a token's signature, and returns its payload and the keys that it was checked by.
func (is *issuer) open(ctx context.Context, token string) (payload []byte, set *keySet, err error) {
	signed, err := jose.ParseSignedCompact(token, is.allowed)
	if err != nil {
		return nil, nil, err
	}
	header := signed.Signatures[0].Protected
	// No extension is understood here (RFC 7515 section 4.1.11); one would change what the
	// payload is.
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, nil, chat.ErrInvalidToken
	}
	keys := []any{is.secret}
	if is.ring != nil {
		set, keys = is.ring.fitting(ctx, header.KeyID, jose.SignatureAlgorithm(header.Algorithm))
	}
	for _, key := range keys {
		if payload, err := signed.Verify(key); err == nil {
			return payload, set, nil
		}
	}
	return nil, nil, chat.ErrInvalidToken
}

// read checks the claims of a token whose signature is good.
func (is *issuer) read(token string, payload []byte, now time.Time) (auth.Foreign, error) {
	c, err := readClaims(payload)
	if err != nil {
		return auth.Foreign{}, err
	}
	name, named := c.text("iss")
	subject, ok := c.text("sub")
	if !named || name != is.Issuer || !ok || !c.isFor(is.Audience) {
		return auth.Foreign{}, errClaim
	}
	issued, expires, err := c.times(now)
	if err != nil {
		return auth.Foreign{}, err
	}
	session, err := is.session(c, subject, token)
	if err != nil {
		return auth.Foreign{}, err
	}
	own := subjectName(is.Issuer, subject)
	claim, _ := c.text(is.UsernameClaim)
	at := "@" + is.Namespace
	return auth.Foreign{
		Issuer: is.Issuer, Subject: subject,
		Username: claimedName(claim, own) + at, Fallback: own + at, DisplayName: c.displayName(),
		Session: session, Issued: issued, Expires: expires,
	}, nil
}

// session is the id of the token's session: by its sid, or its jti, or the token itself.
func (is *issuer) session(c claims, subject, token string) (string, error) {
	for _, kind := range []string{"sid", "jti"} {
		switch value, ok := c.optional(kind); {
		case !ok:
			return "", errClaim
		case value != "":
			return sessionID(is.Issuer, subject, kind, value), nil
		}
	}
	// Of a token only what is signed counts: its signature has several spellings.
	signed := token[:strings.LastIndexByte(token, '.')]
	return sessionID(is.Issuer, subject, "token", signed), nil
}
