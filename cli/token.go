package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"parley/auth"
	"parley/chat"
	"parley/repository"
	"parley/server"
)

type tokenCreateCommand struct {
	User    string   `arg:"" help:"Username, of a person or a bot."`
	Name    string   `required:"" placeholder:"NAME" help:"What the token is for."`
	Scope   []string `required:"" placeholder:"SCOPE" help:"What it may be used for: read, post, manage."`
	Chat    []string `placeholder:"CHAT" help:"The chats that it is restricted to; all of the user's unless given."`
	Expires *string  `placeholder:"DURATION" help:"How long it lives, such as 720h; a year unless given, and at most."`
}

// Run makes a script token, and prints it and nothing else.
func (cmd tokenCreateCommand) Run(settings server.Settings, std streams) error {
	asked, err := chat.TokenRequest{Name: cmd.Name, Scopes: cmd.Scope, Chats: cmd.Chat, ExpiresIn: cmd.Expires}.Read()
	if err != nil {
		return plain(inFlags(err))
	}
	secret := auth.NewScriptToken()
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		err := ofUser(cmd.User, func() error {
			_, err := repo.CreateToken(ctx, operator, cmd.User, secret, asked)
			return inFlags(err)
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(std.out, secret.Text())
		return err
	})
}

// inFlags names the parts of a refused request as the command line does.
func inFlags(err error) error {
	var refused *chat.Error
	if !errors.As(err, &refused) {
		return err
	}
	told := *refused
	told.Fields = nil
	for _, f := range refused.Fields {
		flag := map[string]string{"name": "--name", "scopes": "--scope", "chats": "--chat", "expires_in": "--expires"}[f.Field]
		told.Fields = append(told.Fields, chat.FieldError{Field: flag, Message: f.Message})
	}
	return &told
}

// ofUser does something about a user that is named on the command line.
func ofUser(name string, do func() error) error {
	err := chat.CheckAnyUsername(name) // what is no username is not put to the database
	if err == nil {
		if err = do(); !errors.Is(err, chat.ErrNotFound) {
			return plain(err)
		}
	}
	return fmt.Errorf("there is no user %q, or it is disabled", name)
}

type tokenListCommand struct {
	User string `arg:"" help:"Username, of a person or a bot."`
}

// Run lists a user's script tokens. Names are quoted: they may hold what a terminal obeys.
func (cmd tokenListCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSCOPES\tCHATS\tCREATED\tEXPIRES\tLAST USED\tNAME")
		err := ofUser(cmd.User, func() error {
			return eachPage(func(q chat.ListQuery) (chat.Page[chat.Token], error) {
				return repo.Tokens(ctx, operator, cmd.User, q)
			}, func(t chat.Token) string {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%q\n", t.ID, strings.Join(t.Scopes, ","), chatsOf(t),
					t.CreatedAt, t.ExpiresAt, lastUse(t), t.Name)
				return t.ID
			})
		})
		if err != nil {
			return err
		}
		return table.Flush()
	})
}

func chatsOf(t chat.Token) string {
	if t.Chats == nil {
		return "all"
	}
	return strings.Join(*t.Chats, ",")
}

func lastUse(t chat.Token) string {
	if t.LastUsedAt == nil {
		return "never"
	}
	return t.LastUsedAt.String()
}

type tokenRevokeCommand struct {
	ID string `arg:"" help:"The token's id, as list shows it."`
}

// Run revokes a script token.
func (cmd tokenRevokeCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		err := chat.CheckTokenID(cmd.ID)
		if err == nil {
			err = repo.RevokeToken(ctx, operator, "", cmd.ID)
		}
		if errors.Is(err, chat.ErrNotFound) || errors.Is(err, chat.ErrInvalid) {
			// What is given by mistake may be the token itself, and is not repeated.
			return errors.New("there is no such token: name the id that parley token list shows")
		}
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(std.out, "token %s revoked\n", cmd.ID)
		return err
	})
}
