package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"parley/chat"
)

// TokenStore keeps script tokens. Its methods may be called by many goroutines at once, and
// fail as those of [Store] do.
type TokenStore interface {
	// ScriptToken reads the token with an id. chat.ErrNotFound, also for one that was revoked,
	// or whose user is disabled.
	ScriptToken(ctx context.Context, id string) (StoredToken, error)
	// TokenUsed notes that a token was used. It does not block, and the note may be lost.
	TokenUsed(id string, at chat.Time)
}

// StoredToken is what is stored of a script token. Nothing of it but LastUsed ever changes.
type StoredToken struct {
	// Hash is the token's [ScriptToken.Hash].
	Hash []byte
	// Actor is whom the token speaks for, and until when.
	Actor chat.Actor
	// LastUsed is the zero time before the first use.
	LastUsed chat.Time
}

const (
	// maxKnownTokens is how many good tokens are remembered, each of some hundred bytes, or of
	// some thousands where it is restricted to very many chats.
	maxKnownTokens = 1 << 14
	// maxUnknownTokens is how many ids are remembered that no token has. They have a place of
	// their own, so that made-up tokens push out no good ones.
	maxUnknownTokens = 1 << 12
	// noteUseEvery is how often at most the use of a token is noted.
	noteUseEvery = time.Minute
)

// ScriptTokens verifies script tokens. What the store says of a token is asked once, because
// it never changes. Whether the token was revoked is not asked here: the store answers that
// together with what is asked of it, as for every session.
type ScriptTokens struct {
	store   TokenStore
	now     func() time.Time
	known   *lru.Cache[string, *knownToken]
	unknown *lru.Cache[string, struct{}]
	// lookups are the questions to the store that are under way. A script that comes back with
	// all its streams at once asks one.
	lookups singleflight.Group
}

// knownToken is a token that the store has.
type knownToken struct {
	StoredToken
	// noted is when its use was last noted, in milliseconds.
	noted atomic.Int64
}

// NewScriptTokens makes what verifies the tokens of a store. now is the clock; nil is
// time.Now.
func NewScriptTokens(store TokenStore, now func() time.Time) *ScriptTokens {
	if now == nil {
		now = time.Now
	}
	// Making a cache fails for a size below 1 alone.
	known, _ := lru.New[string, *knownToken](maxKnownTokens)
	unknown, _ := lru.New[string, struct{}](maxUnknownTokens)
	return &ScriptTokens{store: store, now: now, known: known, unknown: unknown}
}

// Verify tells whom a script token speaks for. chat.ErrBadScriptToken for one that was not
// made here or has ended; besides it answers the store's errors.
func (s *ScriptTokens) Verify(ctx context.Context, text string) (chat.Actor, error) {
	token, ok := readScriptToken(text)
	if !ok {
		return chat.Actor{}, chat.ErrBadScriptToken
	}
	known, err := s.find(ctx, token)
	if err != nil {
		return chat.Actor{}, err
	}
	now := s.now()
	if !token.has(known.Hash) || !now.Before(known.Actor.Expires.Time()) {
		return chat.Actor{}, chat.ErrBadScriptToken
	}
	s.note(known, chat.NewTime(now))
	return known.Actor, nil
}

// find is what is known of a token's id, from memory or from the store. The store is not
// asked for what was not made here.
func (s *ScriptTokens) find(ctx context.Context, token ScriptToken) (*knownToken, error) {
	if known, ok := s.known.Get(token.id); ok {
		return known, nil
	}
	if !token.isWellFormed() || s.unknown.Contains(token.id) {
		return nil, chat.ErrBadScriptToken
	}
	id := strings.Clone(token.id) // the text is not to be kept
	// It is asked for all that wait, so that it goes on behind one that gives up.
	asked := s.lookups.DoChan(id, func() (any, error) { return s.lookUp(context.WithoutCancel(ctx), id) })
	select {
	case answer := <-asked:
		known, _ := answer.Val.(*knownToken)
		return known, answer.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lookUp asks the store for a token and remembers the answer: an id that no token has is
// never given to one later, and what was revoked stays so.
func (s *ScriptTokens) lookUp(ctx context.Context, id string) (*knownToken, error) {
	stored, err := s.store.ScriptToken(ctx, id)
	switch {
	case errors.Is(err, chat.ErrNotFound):
		s.unknown.Add(id, struct{}{})
		return nil, chat.ErrBadScriptToken
	case err != nil:
		return nil, fmt.Errorf("reading a script token: %w", err)
	}
	known := &knownToken{StoredToken: stored}
	known.noted.Store(stored.LastUsed.UnixMilli())
	s.known.Add(id, known)
	return known, nil
}

// note notes that a token was used, unless that was done a short while ago.
func (s *ScriptTokens) note(t *knownToken, now chat.Time) {
	last := t.noted.Load()
	if now.UnixMilli()-last >= noteUseEvery.Milliseconds() && t.noted.CompareAndSwap(last, now.UnixMilli()) {
		s.store.TokenUsed(t.Actor.Session, now)
	}
}
