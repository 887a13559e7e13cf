package cli

import (
	"context"
	"fmt"

	"parley/repository"
	"parley/server"
)

type logJumpCommand struct{}

// Run makes the log jump. A server that runs goes on behind it.
func (logJumpCommand) Run(settings server.Settings, std streams) error {
	return withStore(settings, false, std, func(ctx context.Context, repo *repository.Repository) error {
		jump, err := repo.Jump(ctx)
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(std.out, "the log goes on at %d; clients that stand behind %d are told to begin anew\n", jump.Pos, jump.Before)
		return err
	})
}
