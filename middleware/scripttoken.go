package middleware

import (
	"context"

	"parley/chat"
)

// ScriptTokens verifies the tokens of scripts. auth.ScriptTokens implements it.
type ScriptTokens interface {
	// Verify tells whom a script token speaks for. chat.ErrBadScriptToken, or the store's
	// errors.
	Verify(ctx context.Context, token string) (chat.Actor, error)
}

// actor tells whom a credential speaks for. A script token and another issuer's count as
// bearers alone: a cookie would be sent by a browser, from pages that know nothing of it.
func (t *Tokens) actor(ctx context.Context, cred credential) (chat.Actor, error) {
	if cred.byCookie {
		return t.Verify(cred.token)
	}
	if t.scripts != nil && chat.IsScriptToken(cred.token) {
		return t.scripts.Verify(ctx, cred.token)
	}
	if actor, listed, err := t.admit(ctx, cred.token); listed {
		return actor, err
	}
	return t.Verify(cred.token)
}

// NoScript refuses a script token, because a script ends no session:
// [chat.ErrInsufficientScope] for a good one. Of every other token it says nothing.
func (t *Tokens) NoScript(ctx context.Context, token string) error {
	if t.scripts == nil || !chat.IsScriptToken(token) {
		return nil
	}
	if _, err := t.scripts.Verify(ctx, token); err != nil {
		return err
	}
	return chat.ErrInsufficientScope
}
