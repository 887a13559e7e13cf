package auth

import (
	"context"
	"time"
)

// Foreign is what a verified token of another issuer says.
type Foreign struct {
	// Issuer and Subject are the token's iss and sub. Together they tell users apart.
	Issuer, Subject string
	// Username is what the user is called, <name>@<namespace>. Where another subject of the
	// issuer has that name already, it is Fallback, which is of the subject alone.
	Username, Fallback string
	// DisplayName is empty where the token has none that is legal.
	DisplayName string
	// Session is the id of the session that the token belongs to: always the same for its
	// sid, its jti, or the token itself.
	Session string
	// Issued and Expires are whole seconds.
	Issued, Expires time.Time
}

// ForeignStore keeps users and sessions of other issuers among the others.
type ForeignStore interface {
	// Admit sees that the user and the session of a token are stored, and returns what the
	// user is called. A session that is stored already lasts as long as its longest token.
	// One that has ended stays ended, and so is every session of a disabled user:
	// chat.ErrSessionEnded.
	Admit(ctx context.Context, f Foreign) (username string, err error)
}
