//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// patience is how long a part may take to start.
	patience = 60 * time.Second
	// grace is longer than a drain of parley takes.
	grace = 20 * time.Second
	// pause is how long a part that ended stays away.
	pause = 5 * time.Second
)

// part is one process of the cluster. One that ends by itself is started again.
type part struct {
	name    string
	command []string
	env     []string
	folder  string
	// said takes a line about the part.
	said func(format string, arguments ...any)

	pid    int // of the first process
	cancel context.CancelFunc
	// first is closed when the first process has ended, ended when none is left.
	first, ended chan struct{}
}

// start starts the part and returns once ready is so.
func (p *part) start(ctx context.Context, ready func() bool) error {
	running, cancel := context.WithCancel(context.Background())
	p.cancel, p.first, p.ended = cancel, make(chan struct{}), make(chan struct{})
	cmd, err := p.launch(running)
	if err != nil {
		cancel()
		return err
	}
	p.pid = cmd.Process.Pid
	go p.keepRunning(running, cmd)
	if err := p.await(ctx, ready); err != nil {
		p.end()
		return err
	}
	return nil
}

func (p *part) launch(ctx context.Context) (*exec.Cmd, error) {
	log, err := os.OpenFile(p.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.folder, p.env, log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	// What the terminal sends to the group of this process does not reach the part.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	return cmd, nil
}

func (p *part) log() string { return filepath.Join(p.folder, p.name+".log") }

// keepRunning waits for the part's process and starts it again, until ctx ends.
func (p *part) keepRunning(ctx context.Context, cmd *exec.Cmd) {
	defer close(p.ended)
	var err error
	for first := true; ; first = false {
		if cmd != nil {
			err = cmd.Wait()
		}
		if first {
			close(p.first)
		}
		if ctx.Err() != nil {
			return
		}
		p.said("%s has ended (%v) and is started again in %v", p.name, err, pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if cmd, err = p.launch(ctx); err == nil {
			p.said("%s runs again, process %d", p.name, cmd.Process.Pid)
		}
	}
}

// await waits until ready is so.
func (p *part) await(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it takes too long"))
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("starting %s: %w", p.name, context.Cause(ctx))
		case <-p.first:
			log, _ := os.ReadFile(p.log())
			return fmt.Errorf("%s has ended:\n%s", p.name, bytes.TrimSpace(log))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// end asks the part to end, kills it if it takes too long, and returns when it is gone.
func (p *part) end() {
	p.cancel()
	<-p.ended
}
