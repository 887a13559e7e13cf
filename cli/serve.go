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

// Run serves until SIGTERM, SIGINT or SIGHUP, and then drains. A second SIGTERM or SIGINT
// ends the process at once; a second SIGHUP does nothing, because a terminal that closes
// sends several. A server that speaks TLS reads its certificate anew at a SIGHUP instead.
func (serveCommand) Run(settings server.Settings, std streams) error {
	told, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan struct{})
	defer close(served)
	// The first signal given, the next one does again what a signal does by itself, and does so
	// before anything shows that a drain has begun.
	context.AfterFunc(told, func() {
		restore()
		stop()
	})
	context.AfterFunc(ctx, func() { exitUnless(served) })
	heard, deafen := hangups()
	defer deafen()
	if !settings.TLS() {
		go answer(heard, served, stop)
	}

	srv, err := server.Open(ctx, settings, std.err)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return err
	}
	defer srv.Close()
	if settings.TLS() {
		go answer(heard, served, srv.ReadCertificate)
	}
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
