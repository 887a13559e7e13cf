package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"parley/ephemeral"
	"parley/server"
)

// place is the place of an ephemeral server, and the process that removes it where this one
// is killed; nil is a server that keeps its data.
type place struct {
	*ephemeral.Place
	remover *exec.Cmd
	alive   io.Closer
}

// place makes the place that the command asks for, and refuses what would keep something,
// or would keep the server from being filled.
func (cmd serveCommand) place(ctx context.Context, settings server.Settings) (*place, error) {
	switch {
	case !cmd.Ephemeral && (cmd.Seed != "" || cmd.PrintJSON):
		return nil, usageError{errors.New("--seed and --print-json belong to --ephemeral")}
	case !cmd.Ephemeral:
		return nil, nil
	case settings.Database != "":
		return nil, &server.Mistake{Setting: "database", Cure: "an ephemeral server has its own: leave the setting out"}
	case settings.TLS():
		return nil, &server.Mistake{Setting: "tls-cert", Cure: "an ephemeral server speaks HTTP in the clear: leave the setting out"}
	}
	if err := settings.Check(); err != nil {
		return nil, err
	}
	seed, err := readSeed(cmd.Seed)
	if err != nil {
		return nil, err
	}
	made, err := ephemeral.New(ctx, seed)
	if err != nil {
		return nil, err
	}
	p := &place{Place: made}
	if err := p.watch(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func readSeed(file string) (ephemeral.Seed, error) {
	if file == "" {
		return ephemeral.Default(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ephemeral.Seed{}, fmt.Errorf("--seed: %w", err)
	}
	seed, err := ephemeral.ReadSeed(text)
	if err != nil {
		return ephemeral.Seed{}, fmt.Errorf("--seed: %s: %w", file, err)
	}
	return seed, nil
}

// settings are those of a server at the place.
func (p *place) settings(s server.Settings) server.Settings {
	if p == nil {
		return s
	}
	return p.Settings(s)
}

// watch starts a process that removes the place when this one has ended, be it by SIGKILL.
// It reads the end of a pipe that nobody writes to, which comes when this process has gone.
// It has a session of its own, so that Ctrl-C does not end it first, and holds none of this
// process's output open.
func (p *place) watch() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program that removes the folder: %w", err)
	}
	p.remover = exec.Command(program, "remove-ephemeral", p.Folder())
	p.remover.Dir = filepath.Dir(p.Folder())
	p.remover.Env = []string{} // no secret of this process's
	p.remover.SysProcAttr = ownSession()
	if p.alive, err = p.remover.StdinPipe(); err == nil {
		err = p.remover.Start()
	}
	if err != nil {
		p.remover = nil
		return fmt.Errorf("starting what removes the folder: %w", err)
	}
	return nil
}

// Close removes the place.
func (p *place) Close() error {
	if p == nil {
		return nil
	}
	err := p.Place.Close()
	if p.remover != nil {
		err = errors.Join(err, p.alive.Close(), p.remover.Wait())
	}
	return err
}

// removeEphemeralCommand is the process that [place.watch] starts.
type removeEphemeralCommand struct {
	Folder string `arg:""`
}

// Run waits for the end of standard input.
func (cmd removeEphemeralCommand) Run(std streams) error {
	_, _ = io.Copy(io.Discard, std.in)
	return ephemeral.Remove(cmd.Folder)
}

// serveFilled serves, fills the server, and tells what is in it.
func (cmd serveCommand) serveFilled(ctx context.Context, srv *server.Server, p *place, std streams) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	filled := make(chan error, 1)
	go func() {
		err := cmd.fill(ctx, srv, p, std)
		if err != nil {
			stop()
		}
		filled <- err
	}()
	err := srv.Serve(ctx)
	stop()
	if failed := <-filled; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(failed, err)
	}
	return err
}

func (cmd serveCommand) fill(ctx context.Context, srv *server.Server, p *place, std streams) error {
	contents, err := p.Fill(ctx, srv.URL())
	if err != nil {
		return fmt.Errorf("filling the server: %w", err)
	}
	if !cmd.PrintJSON {
		srv.Welcome(std.out)
		return nil
	}
	line, err := json.Marshal(contents)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", line)
	return err
}
