package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"parley/server"
)

// childVariable, where it is set, makes this program a parley server and nothing
// else, so that what it costs to serve is paid by another process than that of
// the clients.
const childVariable = "PARLEY_BENCH_SERVES"

// password is that of everybody in a seed.
const password = "correct-horse-battery"

// child is a server in a process of its own. It ends with this one, however that
// ends.
type child struct {
	address string
	process *exec.Cmd
	// stdin tells the child to end when it is closed.
	stdin io.Closer
	// dir holds the server's data folder and what it logs.
	dir string
}

// serve starts a server of a database.
func serve(ctx context.Context, db *database) (_ *child, err error) {
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return nil, err
	}
	c := &child{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting a server: %w", err), c.stop())
		}
	}()
	settings, err := json.Marshal(server.Settings{
		Listen: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Database: db.address,
		JWTSecret: "a secret of the benchmark's own alone", AccessTTL: "24h", Limits: "off",
	})
	if err != nil {
		return nil, err
	}
	// What is logged goes to a file, as it would where parley is in earnest.
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.Command(program)
	process.Env = append(os.Environ(), childVariable+"=1")
	process.Stderr = log
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	c.process, c.stdin = process, stdin
	if _, err := stdin.Write(append(settings, '\n')); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	c.address = strings.TrimSpace(line)
	return c, ctx.Err()
}

// stop ends the server and waits for it; a nil child is none.
func (c *child) stop() (err error) {
	if c == nil {
		return nil
	}
	if c.process != nil {
		_ = c.stdin.Close()
		err = c.process.Wait()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// logIn returns an access token.
func (c *child) logIn(ctx context.Context, username string) (string, error) {
	body, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address+"/login", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", errors.New(res.Status)
	}
	var login struct {
		Token string `json:"token"`
	}
	return login.Token, json.NewDecoder(res.Body).Decode(&login)
}

// serveAsChild is what the child does instead of main: it reads its settings
// from standard input, answers with its address, and serves until its input
// ends.
func serveAsChild() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var settings server.Settings
	if err := json.Unmarshal(line, &settings); err != nil {
		return err
	}
	stop, err := profile(os.Getenv(profileVariable), "server")
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, in)
	}()
	srv, err := server.Open(ctx, settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer srv.Close()
	if _, err := fmt.Println(srv.Addr()); err != nil {
		return err
	}
	return srv.Serve(ctx)
}
