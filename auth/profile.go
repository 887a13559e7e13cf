package auth

import (
	"context"
	"fmt"

	"parley/chat"
)

// PasswordChange is what a user says who wants another password. Address is the client's, by
// which hashing is shared fairly.
type PasswordChange struct {
	Password, NewPassword string
	Address               string
}

// ChangePassword replaces the actor's own password, and ends every other session of the
// user. chat.ErrInvalid, chat.ErrWeakPassword, chat.ErrWrongPassword, chat.ErrSessionEnded, chat.ErrBusy.
func (s *Service) ChangePassword(ctx context.Context, actor chat.Actor, p PasswordChange) error {
	if err := checkPasswordAs("new_password", p.NewPassword); err != nil {
		return err
	}
	account, err := s.confirm(ctx, actor, p.Password, p.Address)
	if err != nil {
		return err
	}
	if err := CheckNewPassword("new_password", p.NewPassword, account.User); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, caller{p.Address, actor.Username}, p.NewPassword)
	if err != nil {
		return fmt.Errorf("hashing a password: %w", err)
	}
	if err := s.store.SetOwnPassword(ctx, actor, account.PasswordHash, hash); err != nil {
		return fmt.Errorf("storing a password: %w", err)
	}
	return nil
}

// Closing is what a user says who closes the account. Address is the client's, by which
// hashing is shared fairly.
type Closing struct {
	Password string
	// EraseMessages erases the texts of all that the user has posted.
	EraseMessages bool
	Address       string
}

// CloseAccount ends the actor's account for ever: its sessions, tokens and memberships.
// chat.ErrWrongPassword, chat.ErrLastOwner, chat.ErrLastAdmin, chat.ErrBusy.
func (s *Service) CloseAccount(ctx context.Context, actor chat.Actor, c Closing) error {
	if _, err := s.confirm(ctx, actor, c.Password, c.Address); err != nil {
		return err
	}
	if err := s.store.CloseOwnAccount(ctx, actor, c.EraseMessages); err != nil {
		return fmt.Errorf("closing an account: %w", err)
	}
	return nil
}

// confirm compares a password with the actor's own, and reads the account that it belongs
// to. chat.ErrWrongPassword, also for a user without one.
func (s *Service) confirm(ctx context.Context, actor chat.Actor, password, address string) (Account, error) {
	account, err := s.account(ctx, actor.Username)
	if err != nil {
		return Account{}, err
	}
	matches, err := s.passwords.compare(ctx, caller{address, actor.Username}, password, account.PasswordHash)
	switch {
	case err != nil:
		return Account{}, fmt.Errorf("comparing a password: %w", err)
	case !matches:
		return Account{}, chat.ErrWrongPassword
	}
	return account, nil
}
