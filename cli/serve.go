package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"parley/server"
)

type serveCommand struct{}

// Run serves until SIGTERM or SIGINT, and then drains. A second signal ends the
// process at once.
func (serveCommand) Run(settings server.Settings, std streams) error {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	// The first signal given, the next one does again what a signal does by itself.
	context.AfterFunc(ctx, restore)

	srv, err := server.Open(ctx, settings, std.err)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return err
	}
	defer srv.Close()
	if err := srv.Welcome(std.out); err != nil {
		return err
	}
	return srv.Serve(ctx)
}
