package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/e2e/need"
)

// patience is how long a test waits for what must come. Nothing waits for it to
// pass.
const patience = 60 * time.Second

// process is a serving parley as a process of its own. What it prints is kept
// for the search at the end. It is killed when its test ends.
type process struct {
	// URL is where it listens, without a slash at the end.
	URL string

	t           testing.TB
	program     string   // the suite's own binary unless a test names another
	through     []string // the command that becomes it, if it is not started directly
	arguments   []string
	environment []string
	folder      string // it runs there
	outFile     string // what it prints, over all its starts
	errFile     string
	cmd         *exec.Cmd
	ended       chan struct{} // closed once cmd has ended
}

// serve starts a server with its data in a folder of its own, unless the
// arguments name another, and returns once it listens.
//
// The port is not one that the system gives to clients: a test that keeps
// connecting while its server is down would at some time get the server's own
// port for its end, and be connected to itself.
func serve(t testing.TB, arguments ...string) *process {
	t.Helper()
	p := prepared(t, arguments...)
	p.start()
	return p
}

// prepared is serve without the start.
func prepared(t testing.TB, arguments ...string) *process {
	t.Helper()
	given := func(flag string) bool {
		return slices.ContainsFunc(arguments, func(a string) bool { return a == flag || strings.HasPrefix(a, flag+"=") })
	}
	if !given("--listen") {
		arguments = append(arguments, "--listen", "127.0.0.1:"+strconv.Itoa(port(t)))
	}
	if !given("--data") {
		arguments = append(arguments, "--data", filepath.Join(t.TempDir(), "data"))
	}
	return newProcess(t, t.TempDir(), cleanEnvironment(), arguments)
}

// ports are those that servers of the suite have been given. None is given twice:
// between two starts of one server another would find it free.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// port is a free port for a server.
func port(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = make(map[int]bool)
	}
	for {
		if port := need.Port(t); !ports.given[port] {
			ports.given[port] = true
			return port
		}
	}
}

// servePostgres starts a server on the database at the address. Servers that
// share a database share their secret.
func servePostgres(t testing.TB, address string, arguments ...string) *process {
	t.Helper()
	return serve(t, append(arguments, onPostgres(address)...)...)
}

func onPostgres(address string) []string {
	return []string{"--database", address, "--jwt-secret", sharedSecret}
}

// sharedSecret is the secret of all servers on PostgreSQL.
const sharedSecret = "0123456789-the-secret-of-the-suite-abcdefghi"

func newProcess(t testing.TB, folder string, environment, arguments []string) *process {
	t.Helper()
	p := &process{t: t, program: binary(t), folder: folder, environment: environment, arguments: arguments}
	p.outFile, p.errFile = newOutput("out"), newOutput("err")
	secrets.addSettings(append(environment, arguments...))
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s%s", p.URL, p.Stdout(), lastLines(p.Stderr(), 40))
		}
	})
	return p
}

// start starts it and waits for its first line.
func (p *process) start() {
	p.t.Helper()
	if err := p.tryStart(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) tryStart() error {
	printed := len(p.Stdout())
	if err := p.launch(); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for {
		// Asked before what it printed is read: whoever has ended prints no more.
		over := p.over()
		if line, _, whole := strings.Cut(p.Stdout()[printed:], "\n"); whole {
			address, ok := strings.CutPrefix(line, "parley listening on ")
			if !ok {
				return fmt.Errorf("the first line is %q", line)
			}
			// Whoever speaks to it meanwhile reads where it listens.
			if p.URL != address {
				p.URL = address
			}
			return nil
		}
		if over {
			return fmt.Errorf("parley %q ended with exit code %d:\n%s", p.arguments, p.cmd.ProcessState.ExitCode(), p.Stderr())
		}
		if time.Now().After(deadline) {
			p.Kill()
			return fmt.Errorf("parley %q does not say where it listens:\n%s", p.arguments, p.Stderr())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *process) launch() error {
	stdout, err := os.OpenFile(p.outFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := os.OpenFile(p.errFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer stderr.Close()
	return p.launchPrinting(stdout, stderr)
}

// launchPrinting starts it with files for what it prints; what goes to nil is lost.
func (p *process) launchPrinting(stdout, stderr *os.File) error {
	line := slices.Concat(p.through, []string{p.program}, p.arguments)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Env = p.folder, p.environment
	// A nil *os.File in the interface would not be nil.
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if stderr != nil {
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	p.cmd, p.ended = cmd, ended
	return nil
}

// Restart starts it again where it listened before. It must have ended.
func (p *process) Restart() {
	p.t.Helper()
	if !p.over() {
		p.t.Fatal("it is still running")
	}
	p.listenWhereItDid()
	p.start()
}

func (p *process) listenWhereItDid() {
	u, err := url.Parse(p.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, argument := range p.arguments {
		if argument == "--listen" {
			p.arguments[i+1] = u.Host
		}
	}
}

// Kill ends it at once (SIGKILL), frozen or not, and returns when it has ended.
// It does nothing to one that has ended.
func (p *process) Kill() {
	if p.cmd != nil && !p.over() {
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// Terminate asks it to end (SIGTERM) and returns its exit code.
func (p *process) Terminate() int {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.ExitCode()
}

// ExitCode waits for its end.
func (p *process) ExitCode() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.URL)
		return -1
	}
}

// Signal sends it a signal.
func (p *process) Signal(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatalf("sending %v: %v", signal, err)
	}
}

// over says that it has ended, or was never started.
func (p *process) over() bool {
	if p.cmd == nil {
		return true
	}
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Addr is the host and port that it listens on.
func (p *process) Addr() string {
	_, address, _ := strings.Cut(p.URL, "://")
	address, _, _ = strings.Cut(address, "/")
	return address
}

// Port is the port that it listens on.
func (p *process) Port() string {
	_, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		p.t.Fatal(err)
	}
	return port
}

// Stdout and Stderr are what it has printed so far, over all its starts.
func (p *process) Stdout() string { return content(p.outFile) }
func (p *process) Stderr() string { return content(p.errFile) }

func content(file string) string {
	text, _ := os.ReadFile(file) // not there before the first start
	return string(text)
}

// outputs counts the files that the suite's processes print to.
var outputs atomic.Int64

// newOutput names a file for what a process prints; kind is "out" or "err".
func newOutput(kind string) string {
	return filepath.Join(suite.folder, fmt.Sprintf("%06d.%s", outputs.Add(1), kind))
}

// keep keeps what a process has printed for the search at the end.
func keep(kind, printed string) error {
	return os.WriteFile(newOutput(kind), []byte(printed), 0o600)
}

// cleanEnvironment is this process's without settings of parley, but for the path
// that streams take: every test runs on either.
func cleanEnvironment() []string {
	clean := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PARLEY_") })
	// Asked for by name, so that a result kept of one path does not stand for the other.
	if path := os.Getenv("PARLEY_STREAMS"); path != "" {
		clean = append(clean, "PARLEY_STREAMS="+path)
	}
	return clean
}

func lastLines(s string, n int) string {
	lines := bytes.SplitAfter([]byte(s), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], nil))
}
