package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"parley/server"
)

type serveCommand struct {
	Ephemeral bool   `help:"Keep nothing: the server's data lies in a folder of its own, in memory where there is room, and is removed when the server ends. It has the users ann (an admin) and bob and the public chat lobby, unless --seed says otherwise."`
	Seed      string `placeholder:"FILE" help:"JSON file of the users, chats and messages that an ephemeral server holds."`
	PrintJSON bool   `name:"print-json" help:"Print one line of JSON when all is there: the address, the users with their passwords and tokens, the chats."`
}

// Run serves until SIGTERM, SIGINT or SIGHUP, and then drains. A second SIGTERM or SIGINT
// ends the process at once; a second SIGHUP does nothing, because a terminal that closes
// sends several. A server that speaks TLS reads its certificate anew at a SIGHUP instead.
func (cmd serveCommand) Run(settings server.Settings, std streams) error {
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

	place, err := cmd.place(ctx, settings)
	if err != nil {
		return err
	}
	defer place.Close()
	srv, err := server.Open(ctx, place.settings(settings), std.err)
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
	if place != nil {
		return cmd.serveFilled(ctx, srv, place, std)
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
