package cli

import (
	"context"
	"errors"
	"fmt"

	"parley/chat"
)

type signupCommand struct {
	remote
	Name        string `arg:"" help:"Username."`
	DisplayName string `placeholder:"NAME" help:"How others see you; the username unless given."`
	Invite      string `placeholder:"CODE" help:"An invite, where nobody may sign up without one."`
}

// Run makes an account and logs in.
func (cmd signupCommand) Run(std streams) error {
	return logIn(cmd.remote, cmd.Name, std, func(ctx context.Context, a account, password string) error {
		_, err := a.SignUpInvited(ctx, cmd.Invite, cmd.Name, password, cmd.DisplayName)
		return err
	})
}

type loginCommand struct {
	remote
	Name string `arg:"" help:"Username."`
}

// Run logs in.
func (cmd loginCommand) Run(std streams) error {
	return logIn(cmd.remote, cmd.Name, std, func(context.Context, account, string) error { return nil })
}

// logIn logs in, once before has succeeded, and has the server meant from now on.
func logIn(r remote, name string, std streams, before func(ctx context.Context, a account, password string) error) error {
	a, folder, err := r.signingIn()
	if err != nil {
		return err
	}
	if err := chat.CheckUsername(name); err != nil { // before a password is typed for nothing
		return plain(err)
	}
	password, err := readPassword(std)
	if err != nil {
		return err
	}
	return untilSignal(func(ctx context.Context) error {
		if err := before(ctx, a, password); err != nil {
			return a.told(err)
		}
		if _, err := a.LogIn(ctx, name, password); err != nil {
			return a.told(err)
		}
		if err := folder.change(ctx, func(kept *signIns) error { kept.Last = a.server; return nil }); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "%s is logged in to %s\n", name, a.server)
		return err
	})
}

type logoutCommand struct{ remote }

// Run ends the session that is kept, with its streams.
func (cmd logoutCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		if a.username == "" {
			return errors.New("a token in " + tokenVariable + " has no session: unset it to log out, or revoke the token")
		}
		if err := a.LogOut(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "%s is logged out of %s\n", a.username, a.server)
		return err
	})
}

type whoamiCommand struct {
	remote
	JSON bool `name:"json" help:"The whole user as JSON."`
}

// Run prints the username.
func (cmd whoamiCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		u, err := a.Me(ctx)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return screen{out: std.out}.value(u)
		}
		_, err = fmt.Fprintln(std.out, u.Username)
		return err
	})
}
