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
	// lateAfter is how long the process may take for a hash, its start included. Where it takes
	// longer, others want the processors so much that it gets next to nothing.
	lateAfter = 500 * time.Millisecond
	// restFor is how long hashes are made in this process once the other one was late or lost.
	restFor = 10 * time.Second
)

// beside is where passwords are hashed aside; nil is in this process.
var beside atomic.Pointer[process]

// Beside has passwords that are hashed aside be hashed in a process of their own, until stop. The
// command has to run [Serve] on its standard input and output; it is started when the first
// password comes.
//
// That process has only the time that nobody else wants, so that a crowd that signs in hardly
// delays those who are in; and the 19 MiB of each hash are no garbage of this process. Where it
// cannot be started, ends, or has no answer within 500 ms, the hash is made in this process,
// and so are those of the next 10 s: people can sign in on a machine that is never idle, too.
func Beside(command func() *exec.Cmd) (stop func()) {
	p := &process{command: command, lateAfter: lateAfter, restFor: restFor}
	beside.Store(p)
	return func() {
		beside.CompareAndSwap(p, nil)
		p.stop()
	}
}

// process is the other process, as this one sees it.
type process struct {
	command            func() *exec.Cmd
	lateAfter, restFor time.Duration

	mu    sync.Mutex
	run   *run // nil while none runs
	rests time.Time
}

// run is one run of the process.
type run struct {
	*rpc.Client
	command *exec.Cmd
}

// do has the process do the work. done is false where it did not.
func (p *process) do(w Work) (r Result, done bool, err error) {
	running := p.running()
	if running == nil {
		return Result{}, false, nil
	}
	late := time.NewTimer(p.lateAfter)
	defer late.Stop()
	// A late answer is still written to the result, which nobody reads then.
	result := new(Result)
	select {
	case call := <-running.Go(method, w, result, nil).Done:
		if _, refused := errors.AsType[rpc.ServerError](call.Error); call.Error == nil || refused {
			return *result, true, call.Error
		}
	case <-late.C:
	}
	p.giveUp(running)
	return Result{}, false, nil
}

// running starts the process where it does not run; nil while it rests.
func (p *process) running() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil || time.Now().Before(p.rests) {
		return p.run
	}
	started, err := start(p.command())
	if err != nil {
		p.rests = time.Now().Add(p.restFor)
	}
	p.run = started
	return p.run
}

// giveUp ends a run, and lets the process rest.
func (p *process) giveUp(running *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == running {
		p.run, p.rests = nil, time.Now().Add(p.restFor)
		running.end()
	}
}

// stop ends the process, if it runs.
func (p *process) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		p.run.end()
		p.run = nil
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
	return &run{rpc.NewClient(pipes{out, in}), command}, nil
}

// end ends the process, whatever it is doing, and with it the calls that wait.
func (r *run) end() {
	_ = r.command.Process.Kill()
	_ = r.Close()
	_ = r.command.Wait() // how it ended says nothing new
}

// pipes are what a process reads and what it writes.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }

func (p pipes) Close() error { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }
