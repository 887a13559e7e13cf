package hashing

import (
	"errors"
	"io"
	"net/rpc"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lateAfter is how long the child may take for a hash. A hash keeps its place at the gate of
	// package auth so long, and 32 callers may wait for it, each for 5 s.
	lateAfter = 150 * time.Millisecond
	// restFor is how long hashes are made in this process once the child was late or is gone.
	restFor = 10 * time.Second
)

// theChild is the process's child; nil is none.
var theChild atomic.Pointer[child]

// UseChild has hashes made in a child process from now on, where their callers say so, until
// stop. The command has to run [Serve] on its standard input and output. It is started when
// the first such hash is to be made. At most one child may be in use.
//
// The child runs on processor time that is otherwise idle, so that the hashes of a crowd hardly
// delay what else this process does; and the 19 MiB of each hash are no garbage of this process.
// Until the child is ready, hashes are made in this process. So they are where it cannot be
// started, and for 10 s where it has gone or took longer than 150 ms for one: people can sign in on
// a machine that is never idle, too.
func UseChild(command func() *exec.Cmd) (stop func()) {
	c := &child{command: command, lateAfter: lateAfter, restFor: restFor}
	theChild.Store(c)
	return func() {
		theChild.CompareAndSwap(c, nil)
		c.stop()
	}
}

// child is the child process as its parent sees it, over all its runs.
type child struct {
	command            func() *exec.Cmd
	lateAfter, restFor time.Duration

	mu      sync.Mutex
	run     *run // nil while none runs
	rests   time.Time
	stopped bool
}

// run is one run of the child.
type run struct {
	*rpc.Client
	command *exec.Cmd
	// ready is closed once it has answered, and ended once its process has.
	ready, ended chan struct{}
}

// do has the child do the work. done is false where it did not.
func (c *child) do(w Work) (r Result, done bool) {
	current := c.current()
	if current == nil {
		return Result{}, false
	}
	select {
	case <-current.ready:
	default:
		return Result{}, false
	}
	late := time.NewTimer(c.lateAfter)
	defer late.Stop()
	// A late answer is still written to the result, which nobody reads then.
	result := new(Result)
	select {
	case call := <-current.Go(method, w, result, nil).Done:
		if call.Error == nil {
			return *result, true
		}
		if _, refused := errors.AsType[rpc.ServerError](call.Error); refused {
			return Result{}, false // this process says why
		}
	case <-late.C:
	}
	c.giveUp(current)
	return Result{}, false
}

// current is the present run, which it begins where there is none; nil while the child rests.
func (c *child) current() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil || c.stopped || time.Now().Before(c.rests) {
		return c.run
	}
	begun, err := start(c.command())
	if err != nil {
		c.rests = time.Now().Add(c.restFor)
		return nil
	}
	c.run = begun
	go c.awaitReady(begun)
	return begun
}

// awaitReady waits for a first answer, however long that takes: nobody else waits for it.
func (c *child) awaitReady(begun *run) {
	if begun.Call(ping, true, new(bool)) == nil {
		close(begun.ready)
		return
	}
	c.giveUp(begun)
}

// giveUp ends a run, and lets the child rest.
func (c *child) giveUp(current *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == current {
		c.run, c.rests = nil, time.Now().Add(c.restFor)
		current.end()
	}
}

// stop ends the child for good.
func (c *child) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.run != nil {
		c.run.end()
		c.run = nil
	}
}

func start(command *exec.Cmd) (*run, error) {
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	idle(command.Process.Pid)
	r := &run{rpc.NewClient(pipes{out, in}), command, make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(r.ended)
		_ = command.Wait() // how it ended says nothing new
	}()
	return r, nil
}

// end ends the run, whatever it is doing, and the calls that wait for it. It does not wait for
// the process, which needs processor time to end.
func (r *run) end() {
	_ = r.command.Process.Kill()
	_ = r.Close()
}

// pipes are what the child reads and what it writes.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }

func (p pipes) Close() error { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }
