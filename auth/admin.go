package auth

import (
	"cmp"
	"context"
	"fmt"

	"parley/chat"
)

// MadeUser is a user that an admin makes. A bot has no password.
type MadeUser struct {
	SignUp
	Admin, Bot bool
}

// Check says all that is no good about it, or nil.
func (u MadeUser) Check() error {
	if !u.Bot {
		return u.SignUp.Check()
	}
	var password, admin error
	if u.Password != "" {
		password = chat.Invalid("password", "is not taken: a bot has none")
	}
	if u.Admin {
		admin = chat.Invalid("admin", botIsNoAdmin)
	}
	return chat.Checks(chat.CheckUsername(u.Username), password, u.checkDisplayName(), admin)
}

// botIsNoAdmin is why: script tokens, which are all that a bot has, do not reach
// administration.
const botIsNoAdmin = "must not be true of a bot, whose tokens do not reach administration"

// MakeUser makes a user on behalf of an admin. chat.ErrInvalid, chat.ErrForbidden,
// chat.ErrUsernameTaken, chat.ErrBusy.
func (s *Service) MakeUser(ctx context.Context, actor chat.Actor, u MadeUser) (chat.User, error) {
	if err := s.permit(ctx, actor, chat.MakeUsers); err != nil {
		return chat.User{}, err
	}
	if err := u.Check(); err != nil {
		return chat.User{}, err
	}
	n := NewUser{Username: u.Username, DisplayName: cmp.Or(u.DisplayName, u.Username), Admin: u.Admin, Bot: u.Bot}
	if !u.Bot {
		hash, err := s.passwords.hash(ctx, caller{u.Address, u.Username}, u.Password)
		if err != nil {
			return chat.User{}, fmt.Errorf("hashing a password: %w", err)
		}
		n.PasswordHash = hash
	}
	user, err := s.store.MakeUser(ctx, actor, n)
	if err != nil {
		return chat.User{}, fmt.Errorf("storing a user: %w", err)
	}
	return user, nil
}

// PasswordSetting is another user's password, as an admin sets it. Address is the client's, by
// which hashing is shared fairly.
type PasswordSetting struct {
	Username, NewPassword string
	Address               string
}

// SetPassword replaces a user's password on behalf of an admin, and ends all sign-ins of the
// user. chat.ErrInvalid, chat.ErrWeakPassword, chat.ErrForbidden, chat.ErrNotFound, chat.ErrBusy.
func (s *Service) SetPassword(ctx context.Context, actor chat.Actor, p PasswordSetting) error {
	if err := s.permit(ctx, actor, chat.ChangeUsers); err != nil {
		return err
	}
	account, err := s.store.Account(ctx, p.Username)
	if err != nil {
		return fmt.Errorf("looking up a user: %w", err)
	}
	if err := CheckNewPassword("new_password", p.NewPassword, account.User); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, caller{p.Address, p.Username}, p.NewPassword)
	if err != nil {
		return fmt.Errorf("hashing a password: %w", err)
	}
	if err := s.store.SetPassword(ctx, actor, p.Username, hash); err != nil {
		return fmt.Errorf("storing a password: %w", err)
	}
	return nil
}

// permit asks before a password is hashed, which costs so much more, whether that can lead
// anywhere. The store decides it again.
func (s *Service) permit(ctx context.Context, actor chat.Actor, action chat.Action) error {
	if err := s.store.Permit(ctx, actor, action); err != nil {
		return fmt.Errorf("looking at an actor's rights: %w", err)
	}
	return nil
}
