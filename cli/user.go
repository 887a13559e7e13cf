package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"parley/auth"
	"parley/chat"
	"parley/repository"
	"parley/server"
)

// operator is by what right a command works on the database.
var operator = chat.Actor{Kind: chat.Operator}

// userName is the username that a command is about.
type userName struct {
	Name string `arg:"" help:"Username."`
}

// do runs do with the database open, and says of a user that is not there which one it is.
func (u userName) do(settings server.Settings, std streams, do func(context.Context, *repository.Repository) error) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		err := chat.CheckAnyUsername(u.Name) // what is no username is not put to the database
		if err != nil {
			err = chat.ErrNotFound
		} else {
			err = do(ctx, repo)
		}
		if errors.Is(err, chat.ErrNotFound) {
			return fmt.Errorf("there is no user %q", u.Name)
		}
		return plain(err)
	})
}

// change makes a change of the user, and tells what it has become.
func (u userName) change(settings server.Settings, std streams, change chat.UserChange, told string) error {
	return u.do(settings, std, func(ctx context.Context, repo *repository.Repository) error {
		if _, err := repo.UpdateUser(ctx, operator, u.Name, change); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "user %s %s\n", u.Name, told)
		return err
	})
}

type userAddCommand struct {
	Name        string `arg:"" help:"Username."`
	DisplayName string `placeholder:"NAME" help:"How others see the user; the username unless given."`
	Admin       bool   `help:"Make the user an admin."`
	Bot         bool   `help:"Make a user without a password, for scripts."`
}

// Run makes a user.
func (cmd userAddCommand) Run(settings server.Settings, std streams) (err error) {
	asked := auth.MadeUser{SignUp: auth.SignUp{Username: cmd.Name, DisplayName: cmd.DisplayName}, Admin: cmd.Admin, Bot: cmd.Bot}
	// Before anybody types a password for nothing.
	if err := chat.CheckUsername(cmd.Name); err != nil {
		return plain(err)
	}
	if !cmd.Bot {
		if asked.Password, err = readPassword(std); err != nil {
			return err
		}
	}
	if err := asked.Check(); err != nil {
		return plain(err)
	}
	return withStore(settings, true, std, func(ctx context.Context, repo *repository.Repository) error {
		user, err := auth.New(auth.Options{Store: repo}).MakeUser(ctx, operator, asked)
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(std.out, "user %s made\n", user.Username)
		return err
	})
}

type userListCommand struct{}

// Run lists all users. Display names are quoted: they may hold what a terminal
// obeys.
func (userListCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "USERNAME\tSTATE\tROLE\tSINCE\tDISPLAY NAME")
		err := eachPage(func(q chat.ListQuery) (chat.Page[chat.User], error) {
			return repo.ListUsers(ctx, operator, chat.UserQuery{ListQuery: q})
		}, func(u chat.User) string {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%q\n", u.Username, stateOf(u), roleOf(u), u.CreatedAt, u.DisplayName)
			return u.Username
		})
		if err != nil {
			return plain(err)
		}
		return table.Flush()
	})
}

// stateOf says in a word whether a user may log in.
func stateOf(u chat.User) string {
	if u.Disabled {
		return "disabled"
	}
	return "active"
}

// roleOf says in a word what a user is to the service.
func roleOf(u chat.User) string {
	switch {
	case u.Admin:
		return "admin"
	case u.Bot:
		return "bot"
	}
	return "user"
}

// eachPage reads a list to its end. each tells of an element, and returns its id.
func eachPage[T any](page func(chat.ListQuery) (chat.Page[T], error), each func(T) (id string)) error {
	for q := (chat.ListQuery{Limit: chat.MaxList}); ; {
		p, err := page(q)
		if err != nil {
			return err
		}
		for _, item := range p.Items {
			q.After = each(item)
		}
		if !p.More {
			return nil
		}
	}
}

type userShowCommand struct{ userName }

// Run tells of one user.
func (cmd userShowCommand) Run(settings server.Settings, std streams) error {
	return cmd.do(settings, std, func(ctx context.Context, repo *repository.Repository) error {
		u, err := repo.ReadUser(ctx, operator, cmd.Name)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "username\t%s\ndisplay name\t%q\nstate\t%s\nrole\t%s\nsince\t%s\n",
			u.Username, u.DisplayName, stateOf(u), roleOf(u), u.CreatedAt)
		return table.Flush()
	})
}

type userDisableCommand struct{ userName }

// Run disables a user.
func (cmd userDisableCommand) Run(settings server.Settings, std streams) error {
	disabled := true
	return cmd.change(settings, std, chat.UserChange{Disabled: &disabled}, "disabled")
}

type userEnableCommand struct{ userName }

// Run enables a user again.
func (cmd userEnableCommand) Run(settings server.Settings, std streams) error {
	disabled := false
	return cmd.change(settings, std, chat.UserChange{Disabled: &disabled}, "enabled")
}

type userAdminCommand struct {
	userName
	Off bool `help:"Make the user no admin any more."`
}

// Run makes a user an admin, or none.
func (cmd userAdminCommand) Run(settings server.Settings, std streams) error {
	admin, told := !cmd.Off, "is an admin"
	if cmd.Off {
		told = "is no admin"
	}
	return cmd.change(settings, std, chat.UserChange{Admin: &admin}, told)
}

type userPasswdCommand struct{ userName }

// Run sets a user's password.
func (cmd userPasswdCommand) Run(settings server.Settings, std streams) error {
	password, err := readPassword(std)
	if err != nil {
		return err
	}
	return cmd.do(settings, std, func(ctx context.Context, repo *repository.Repository) error {
		err := auth.New(auth.Options{Store: repo}).SetPassword(ctx, operator, auth.PasswordSetting{Username: cmd.Name, NewPassword: password})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "user %s has another password\n", cmd.Name)
		return err
	})
}

type userDeleteCommand struct {
	userName
	EraseMessages bool `help:"Erase the texts of the user's messages too."`
}

// Run closes an account.
func (cmd userDeleteCommand) Run(settings server.Settings, std streams) error {
	return cmd.do(settings, std, func(ctx context.Context, repo *repository.Repository) error {
		if err := repo.CloseAccount(ctx, operator, cmd.Name, cmd.EraseMessages); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "user %s deleted\n", cmd.Name)
		return err
	})
}

// withStore runs do with the database open.
func withStore(settings server.Settings, create bool, std streams, do func(context.Context, *repository.Repository) error) error {
	ctx := context.Background()
	repo, err := server.OpenStore(ctx, settings, create, std.log())
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, repo), repo.Close())
}

// plain says a refusal as its sentence alone, without the code that is meant for
// programs.
func plain(err error) error {
	var refused *chat.Error
	if !errors.As(err, &refused) {
		return err
	}
	if len(refused.Fields) == 0 {
		return errors.New(refused.Detail)
	}
	var problems []error
	for _, f := range refused.Fields {
		problems = append(problems, fmt.Errorf("%s %s", f.Field, f.Message))
	}
	return errors.Join(problems...)
}
