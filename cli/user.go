package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"parley/auth"
	"parley/chat"
	"parley/repository"
	"parley/server"
)

type userAddCommand struct {
	Name        string `arg:"" help:"Username."`
	DisplayName string `placeholder:"NAME" help:"How others see the user; the username unless given."`
}

// Run makes a user.
func (cmd userAddCommand) Run(settings server.Settings, std streams) error {
	// Before anybody types a password for nothing.
	if err := chat.CheckUsername(cmd.Name); err != nil {
		return plain(err)
	}
	password, err := readPassword(std)
	if err != nil {
		return err
	}
	asked := auth.SignUp{Username: cmd.Name, Password: password, DisplayName: cmd.DisplayName}
	if err := asked.Check(); err != nil {
		return plain(err)
	}
	return withStore(settings, true, std, func(ctx context.Context, repo *repository.Repository) error {
		user, err := auth.New(auth.Options{Store: repo}).SignUp(ctx, asked)
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
		accounts, err := repo.Accounts(ctx)
		if err != nil {
			return plain(err)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "USERNAME\tSTATE\tSINCE\tDISPLAY NAME")
		for _, account := range accounts {
			state := "active"
			if account.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%q\n", account.Username, state, account.CreatedAt, account.DisplayName)
		}
		return table.Flush()
	})
}

type userDisableCommand struct {
	Name string `arg:"" help:"Username."`
}

// Run disables a user.
func (cmd userDisableCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		err := chat.CheckAnyUsername(cmd.Name) // what is no username is not put to the database
		if err == nil {
			err = repo.DisableUser(ctx, cmd.Name)
		}
		if errors.Is(err, chat.ErrNotFound) || errors.Is(err, chat.ErrInvalid) {
			return fmt.Errorf("there is no user %q", cmd.Name)
		}
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(std.out, "user %s disabled\n", cmd.Name)
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

// readPassword reads a line: from a terminal without showing it.
func readPassword(std streams) (string, error) {
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(std.err, "Password: ")
		password, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(std.err)
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return string(password), nil
	}
	line, err := bufio.NewReader(std.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	// Windows' editors and shells write a byte order mark before what they pass on.
	return strings.TrimPrefix(strings.TrimRight(line, "\r\n"), "\ufeff"), nil
}
