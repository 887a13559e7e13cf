package chat

import "context"

// UserQuery asks for a page of the users whose names begin with Prefix.
type UserQuery struct {
	ListQuery
	Prefix string
}

// UserChange describes a change of a user; a nil field stays as it is.
type UserChange struct {
	Disabled, Admin *bool
	DisplayName     *string
}

// Check says all that is no good about the change, or nil.
func (c UserChange) Check() error {
	if c.DisplayName == nil {
		return nil
	}
	return CheckDisplayName(*c.DisplayName)
}

// Administration keeps users for an admin. Its methods answer as those of [Chats], besides
// the errors that they name; ErrForbidden to any other actor. A closed account is none.
type Administration interface {
	// ListUsers lists users by username.
	ListUsers(ctx context.Context, actor Actor, q UserQuery) (Page[User], error)
	// ReadUser reads a user. ErrNotFound.
	ReadUser(ctx context.Context, actor Actor, username string) (User, error)
	// UpdateUser changes a user. Disabling ends all sessions and tokens of the user at a
	// position of the log; they stay over when the user is enabled again. ErrNotFound,
	// ErrLastAdmin, ErrInvalid (admin).
	UpdateUser(ctx context.Context, actor Actor, username string, change UserChange) (User, error)
	// CloseAccount ends an account for ever, with its sessions, tokens and memberships, at a
	// position of the log. With erase its texts are erased shortly behind, else they stay.
	// ErrNotFound, ErrLastAdmin, ErrLastOwner.
	CloseAccount(ctx context.Context, actor Actor, username string, erase bool) error
}
