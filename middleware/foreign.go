package middleware

import (
	"context"

	"parley/chat"
)

// Foreign takes tokens of other issuers.
type Foreign interface {
	// Admit tells whom a token speaks for, and whether it is of an issuer that is listed; one
	// of another is left to the service's own keys. [ErrInvalidToken], and the store's errors.
	Admit(ctx context.Context, token string) (actor chat.Actor, listed bool, err error)
}

// admit lets a token of another issuer in. One that is known to be of this service is not
// looked at.
func (t *Tokens) admit(ctx context.Context, token string) (_ chat.Actor, listed bool, _ error) {
	if t.foreign == nil || t.known.Contains(token) {
		return chat.Actor{}, false, nil
	}
	return t.foreign.Admit(ctx, token)
}
