package auth

import (
	"context"
	"time"

	"parley/chat"
)

// Store keeps users and their sessions. Every method may be called by many
// goroutines at once, answers chat.ErrUnavailable within 3 s where the store
// does not answer, and the context's error where that ends first.
type Store interface {
	// CreateUser stores a new user. With an invite, which it uses up, the user joins its chat
	// too. chat.ErrUsernameTaken, chat.ErrInviteNotFound.
	CreateUser(ctx context.Context, u NewUser) (chat.User, error)
	// CheckSignUpInvite says whether CreateUser would take an invite. chat.ErrInviteNotFound.
	CheckSignUpInvite(ctx context.Context, code string) error
	// Permit decides an action that is about no chat. chat.ErrForbidden, chat.ErrSessionEnded,
	// chat.ErrInsufficientScope.
	Permit(ctx context.Context, actor chat.Actor, action chat.Action) error
	// MakeUser is CreateUser on behalf of an admin. It answers as Permit does, too.
	MakeUser(ctx context.Context, actor chat.Actor, u NewUser) (chat.User, error)
	// SetPassword replaces the hash of a user's password on behalf of an admin, and ends all
	// sign-ins of the user. chat.ErrNotFound, and chat.ErrInvalid for a user without a
	// password. It answers as Permit does, too.
	SetPassword(ctx context.Context, actor chat.Actor, username, hash string) error
	// Account reads a user with what a login needs. chat.ErrNotFound.
	Account(ctx context.Context, username string) (Account, error)
	// CloseOwnAccount closes the actor's account at a position of the log. Its memberships
	// end shortly behind, and with erase the texts of its messages are erased.
	// chat.ErrLastOwner, chat.ErrLastAdmin.
	CloseOwnAccount(ctx context.Context, actor chat.Actor, erase bool) error

	// User reads the actor's own user. chat.ErrSessionEnded.
	User(ctx context.Context, actor chat.Actor) (chat.User, error)

	// CreateSession stores a new session. chat.ErrBadCredentials where the user is
	// disabled or unknown, or the password is not the one that was compared any more. Where
	// the user has as many as one user may have, the one that has been unused for longest
	// ends.
	CreateSession(ctx context.Context, s NewSession) error
	// SetOwnPassword replaces the hash of the actor's password, if it still is was, and ends
	// all other sign-ins of the user. chat.ErrWrongPassword where it is another one.
	SetOwnPassword(ctx context.Context, actor chat.Actor, was, hash string) error
	// Session reads a session that is live (not ended, and its user not disabled), and
	// the store's clock. chat.ErrSessionEnded for every other.
	Session(ctx context.Context, id string) (Session, time.Time, error)
	// RenewSession replaces a live session's token state if its generation is still
	// the one given, and says whether it did.
	RenewSession(ctx context.Context, id string, generation int64, next SessionTokens) (bool, error)
	// EndSession ends a session at a position of the log. Ending one that is over
	// or unknown changes nothing.
	EndSession(ctx context.Context, id string) error
}

// NewUser is a user to be stored. PasswordHash is in argon2id's PHC string form; empty, it
// matches no password.
type NewUser struct {
	Username, DisplayName, PasswordHash string
	// Admin makes the user an admin; the first user that is no bot is one in any case.
	Admin, Bot bool
	// Invite is the code of an invite; empty is none.
	Invite string
}

// Account is a user with what only this package may know of him.
type Account struct {
	chat.User
	PasswordHash string
}

// Session is one sign-in.
type Session struct {
	ID        string
	Username  string
	CreatedAt time.Time
	SessionTokens
}

// NewSession is a sign-in to be stored.
type NewSession struct {
	Session
	// PasswordHash is of the password that was compared.
	PasswordHash string
	// UserAgent and Address are of the client, for its user to know it by.
	UserAgent, Address string
}

// SessionTokens is what is kept of a session's tokens; all times are exact to
// the millisecond.
type SessionTokens struct {
	// Generation counts the session's refresh tokens 0, 1, 2 …
	Generation int64
	// RefreshHash is the SHA-256 of the present refresh token.
	RefreshHash []byte
	// RefreshedAt is when the present refresh token was first given out, by the store's
	// clock.
	RefreshedAt time.Time
	// RefreshExpires is when the present refresh token ends.
	RefreshExpires time.Time
	// AccessExpires is when the last access token ends. It is how an open stream
	// learns that its session was renewed.
	AccessExpires time.Time
}
