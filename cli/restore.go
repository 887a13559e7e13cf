package cli

import (
	"context"
	"fmt"

	"parley/server"
)

type restoreCommand struct {
	File string `arg:"" help:"A copy of parley.db."`
}

// Run puts a backup in the place of the database.
func (cmd restoreCommand) Run(settings server.Settings, std streams) error {
	kept, err := server.RestoreStore(context.Background(), settings, cmd.File, std.log())
	if kept != "" {
		fmt.Fprintf(std.out, "the database that was there is kept as %s\n", kept)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s restored\n", cmd.File)
	return err
}
