package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// wantedTail is how soon after its start `parley tail` is to be live.
const wantedTail = 50 * time.Millisecond

// tail measures how long `parley tail` takes from its start to the first event that it
// prints, which says that it is live: what a person waits for, the process's own start
// included. It runs the program as `make build` makes it, against an ephemeral server.
func tail(folder string, scale scale) section {
	program := filepath.Join(folder, "parley-of-tail")
	var server ephemeralServer
	runs := scale.turns * 10
	return section{
		title:   "The terminal: from the start of parley tail until it is live",
		columns: []string{"command", "runs", "p50", "p90", "wanted", "met"},
		groups: []group{{
			name:  "tail",
			lasts: 30 * time.Second,
			open: func(ctx context.Context) error {
				build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, "parley")
				build.Env = append(os.Environ(), "CGO_ENABLED=0")
				if out, err := build.CombinedOutput(); err != nil {
					return fmt.Errorf("building parley: %w\n%s", err, out)
				}
				return server.start(program)
			},
			close: func() error { return server.stop() },
			cells: []cell{{
				name:  count(runs, "start"),
				lasts: time.Duration(runs) * wantedTail,
				measure: func(ctx context.Context) ([]string, error) {
					var took []time.Duration
					for range runs {
						d, err := server.timeTail(ctx, program)
						if err != nil {
							return nil, err
						}
						took = append(took, d)
					}
					half := quantile(took, 0.5)
					return []string{"parley tail", fmt.Sprint(runs), milliseconds(half), milliseconds(quantile(took, 0.9)),
						"≤ " + milliseconds(wantedTail), met(half <= wantedTail)}, nil
				},
			}},
		}},
	}
}

// ephemeralServer is a `parley serve --ephemeral`.
type ephemeralServer struct {
	process *exec.Cmd
	// environment lets commands speak to it as ann.
	environment []string
}

func (s *ephemeralServer) start(program string) error {
	process := exec.Command(program, "serve", "--ephemeral", "--listen", "127.0.0.1:0", "--print-json")
	out, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	s.process = process
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("starting a server: %w", err)
	}
	var contents struct {
		URL   string
		Users map[string]struct{ Token string }
	}
	if err := json.Unmarshal(line, &contents); err != nil {
		return fmt.Errorf("starting a server: %w", err)
	}
	s.environment = append(os.Environ(), "PARLEY_SERVER="+contents.URL, "PARLEY_TOKEN="+contents.Users["ann"].Token)
	return nil
}

func (s *ephemeralServer) stop() error {
	if s.process == nil {
		return nil
	}
	return errors.Join(s.process.Process.Signal(os.Interrupt), s.process.Wait())
}

// timeTail runs `parley tail` until it is live.
func (s *ephemeralServer) timeTail(ctx context.Context, program string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	process := exec.CommandContext(ctx, program, "tail", "lobby", "--json")
	process.Env = s.environment
	out, err := process.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := process.Start(); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	took := time.Since(began)
	if err == nil && !bytes.Contains(line, []byte(`"ready"`)) {
		err = fmt.Errorf("parley tail begins with %q", line)
	}
	cancel()
	_, _ = io.Copy(io.Discard, out)
	_ = process.Wait() // it was killed
	return took, err
}
