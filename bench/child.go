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
	"runtime/debug"
	"strings"
)

// childVariable, where it is set, makes this program play a role and nothing else,
// so that what a server costs, and what its readers cost, is paid by a process of
// its own and can be read there.
const childVariable = "PARLEY_BENCH_ROLE"

// roles are what this program can be instead of the benchmark. Each of them reads
// its settings from the first line of in, answers with a line, obeys each further
// line with one more, and ends when in does.
var roles = map[string]func(in *bufio.Reader) error{
	"parley":   serveParley,
	"nethttp":  serveNetHTTP,
	"limit":    serveLimit,
	"r3labs":   serveR3labs,
	"nats":     serveNATS,
	"audience": beAudience,
}

// child is a process that ends with this one, however that ends.
type child struct {
	// address is where it serves.
	address string
	process *exec.Cmd
	// in tells the child what to do, and to end when it is closed.
	in  io.WriteCloser
	out *bufio.Reader
	// dir holds its files and what it logs.
	dir string
	// group is the control group that bounds its share of a core, if there is one.
	group string
}

// newChild makes a child's folder. It is started next, and stopped in any case.
func newChild() (*child, error) {
	dir, err := os.MkdirTemp("", "parley-bench-")
	return &child{dir: dir}, err
}

// startRole starts this program in a role.
func (c *child) startRole(ctx context.Context, role string, settings any) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	process := exec.Command(program)
	process.Env = append(os.Environ(), childVariable+"="+role)
	return c.start(ctx, process, settings)
}

// start starts a program that behaves as a role does, and returns when it has
// answered.
func (c *child) start(ctx context.Context, process *exec.Cmd, settings any) error {
	// What is logged goes to a file, as it would where a server is in earnest.
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	process.Stderr = log
	if c.in, err = process.StdinPipe(); err != nil {
		return err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	c.process, c.out = process, bufio.NewReader(stdout)
	line, err := c.call(settings)
	if err != nil {
		return err
	}
	c.address = strings.TrimSpace(line)
	return ctx.Err()
}

// call writes a line of JSON and returns the line that answers it.
func (c *child) call(what any) (string, error) {
	line, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return "", c.withLog(err)
	}
	answer, err := c.out.ReadString('\n')
	if err != nil {
		return "", c.withLog(err)
	}
	return answer, nil
}

// withLog adds what the child has logged to an error.
func (c *child) withLog(err error) error {
	said, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
}

// collectGarbage lets a server give back the memory that it does not use, so that
// what it then takes is what it needs.
func (c *child) collectGarbage() error {
	_, err := c.call(struct{}{})
	return err
}

// pid is the child's process.
func (c *child) pid() int { return c.process.Process.Pid }

// stop ends the child and waits for it; a nil child is none, and one that has been
// stopped stays so.
func (c *child) stop() (err error) {
	if c == nil {
		return nil
	}
	if c.process != nil {
		_ = c.in.Close()
		err = c.process.Wait()
		c.process = nil
	}
	if c.group != "" {
		err = errors.Join(err, os.Remove(c.group))
		c.group = ""
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// runRole is what a child does instead of main.
func runRole(name string) error {
	role, ok := roles[name]
	if !ok {
		return fmt.Errorf("%s=%s: there is no such role", childVariable, name)
	}
	stop, err := profile(os.Getenv(profileVariable), name)
	if err != nil {
		return err
	}
	defer stop()
	return role(bufio.NewReader(os.Stdin))
}

// readSettings reads the first line.
func readSettings(in *bufio.Reader, settings any) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, settings)
}

// untilStdinEnds ends the context when in does. Each line until then asks for what
// [child.collectGarbage] does.
func untilStdinEnds(in *bufio.Reader) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for {
			if _, err := in.ReadBytes('\n'); err != nil {
				return
			}
			debug.FreeOSMemory()
			fmt.Println()
		}
	}()
	return ctx
}
