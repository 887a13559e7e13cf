package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"parley/server"
)

type serveCommand struct{}

// Run serves until SIGTERM or SIGINT, and then drains. A second signal ends the
// process at once.
func (serveCommand) Run(settings server.Settings, std streams) error {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	served := make(chan struct{})
	defer close(served)
	context.AfterFunc(ctx, func() {
		// The first signal given, the next one does again what a signal does by itself.
		restore()
		exitUnless(served)
	})

	srv, err := server.Open(ctx, settings, std.err)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return err
	}
	defer srv.Close()
	srv.Welcome(std.out)
	return srv.Serve(ctx)
}

// exitUnless ends the process when a drain takes longer than it may. What is stuck then
// may be the log itself, so nothing is said.
func exitUnless(served <-chan struct{}) {
	late := time.NewTimer(server.DrainTime)
	defer late.Stop()
	select {
	case <-served:
	case <-late.C:
		os.Exit(1)
	}
}
