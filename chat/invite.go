package chat

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// The bounds of an invite.
const (
	MaxInviteUses     = 1000
	MaxInviteLife     = 365 * 24 * time.Hour
	DefaultInviteLife = 7 * 24 * time.Hour
)

// Invite lets people sign up, or join a chat, or both.
type Invite struct {
	Code    string `json:"code"`
	Creator string `json:"created_by"`
	// SignUp says that a new user may sign up with it.
	SignUp bool `json:"signup"`
	// Chat is the chat that it is for; nil where it is for signing up alone.
	Chat *string `json:"chat"`
	// Uses is how often it can be used, and Used how often it was.
	Uses      int64 `json:"uses"`
	Used      int64 `json:"used"`
	CreatedAt Time  `json:"created_at"`
	ExpiresAt Time  `json:"expires_at"`
}

// NewInvite describes an invite that an actor asks for. Chat may be empty.
type NewInvite struct {
	Chat string
	Uses int64
	Life time.Duration
}

// Check says all that is no good about the invite to be made, or nil.
func (n NewInvite) Check() error {
	var uses, life error
	if n.Uses < 1 || n.Uses > MaxInviteUses {
		uses = Invalid("uses", fmt.Sprintf("must be a number from 1 to %d", MaxInviteUses))
	}
	if n.Life <= 0 || n.Life > MaxInviteLife {
		life = Invalid("expires_in", fmt.Sprintf("must be a time greater than none with its unit, such as 168h, and at most %s", MaxInviteLife))
	}
	return Checks(uses, life)
}

var inviteForm = regexp.MustCompile(`^[A-Z2-7]{20,64}$`)

// CheckInviteCode says that s cannot be the code of an invite, or nil.
func CheckInviteCode(s string) error {
	if !inviteForm.MatchString(s) {
		return ErrInviteNotFound
	}
	return nil
}

// Invites keeps invites. Its methods answer as those of [Chats], besides the errors that
// they name.
type Invites interface {
	// CreateInvite makes an invite. An admin's is for signing up, and for the chat, if one is
	// named; anybody else has to name a chat. ErrForbidden, ErrNotFound, ErrNotAMember.
	CreateInvite(ctx context.Context, actor Actor, n NewInvite) (Invite, error)
	// Invites lists the actor's invites that have not expired, an admin's all, by code.
	Invites(ctx context.Context, actor Actor, q ListQuery) (Page[Invite], error)
	// RevokeInvite deletes an invite. ErrInviteNotFound, also for another's, but to an admin.
	RevokeInvite(ctx context.Context, actor Actor, code string) error
	// UseInvite makes the actor a member of the invite's chat; a member stays what it is, and
	// uses nothing up. ErrInviteNotFound, ErrTooManyChats.
	UseInvite(ctx context.Context, actor Actor, code string) (Chat, error)
}
