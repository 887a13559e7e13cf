package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"parley/chat"
	"parley/repository"
	"parley/server"
)

type inviteCreateCommand struct {
	Uses      int64         `default:"1" placeholder:"N" help:"How often it can be used."`
	ExpiresIn time.Duration `default:"168h" placeholder:"TIME" help:"How long it is good."`
	Chat      string        `placeholder:"ID" help:"A chat that people join with it, too."`
}

// Run makes an invite. Its code stands alone on standard output, for scripts to take.
func (cmd inviteCreateCommand) Run(settings server.Settings, std streams) error {
	asked := chat.NewInvite{Chat: cmd.Chat, Uses: cmd.Uses, Life: cmd.ExpiresIn}
	if err := asked.Check(); err != nil {
		return plain(err)
	}
	if cmd.Chat != "" && chat.CheckChatID(cmd.Chat) != nil {
		return fmt.Errorf("there is no chat %q", cmd.Chat)
	}
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		invite, err := repo.CreateInvite(ctx, operator, asked)
		switch {
		case errors.Is(err, chat.ErrNotFound):
			return fmt.Errorf("there is no chat %q", cmd.Chat)
		case errors.Is(err, chat.ErrForbidden):
			return errors.New("there is no admin who could stand for the invite: make one with parley user admin NAME")
		case err != nil:
			return plain(err)
		}
		_, err = fmt.Fprintln(std.out, invite.Code)
		return err
	})
}

type inviteListCommand struct{}

// Run lists all invites.
func (inviteListCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CODE\tUSED\tEXPIRES\tBY\tSIGN-UP\tCHAT")
		err := eachPage(func(q chat.ListQuery) (chat.Page[chat.Invite], error) {
			return repo.Invites(ctx, operator, q)
		}, func(i chat.Invite) string {
			signUp, chatID := "no", ""
			if i.SignUp {
				signUp = "yes"
			}
			if i.Chat != nil {
				chatID = *i.Chat
			}
			fmt.Fprintf(table, "%s\t%d of %d\t%s\t%s\t%s\t%s\n", i.Code, i.Used, i.Uses, i.ExpiresAt, i.Creator, signUp, cmp.Or(chatID, "-"))
			return i.Code
		})
		if err != nil {
			return plain(err)
		}
		return table.Flush()
	})
}

type inviteRevokeCommand struct {
	Code string `arg:"" help:"The invite's code."`
}

// Run deletes an invite.
func (cmd inviteRevokeCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		err := chat.CheckInviteCode(cmd.Code)
		if err == nil {
			err = repo.RevokeInvite(ctx, operator, cmd.Code)
		}
		if errors.Is(err, chat.ErrInviteNotFound) {
			return fmt.Errorf("there is no invite %q", cmd.Code)
		}
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintln(std.out, "invite revoked")
		return err
	})
}
