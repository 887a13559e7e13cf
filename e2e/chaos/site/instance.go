package site

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Instance is one process of parley, which comes back on the port it had.
type Instance struct {
	// Addr is the host and port that it listens on.
	Addr string
	// Clock is nil for the machine's.
	Clock     *Clock
	binary    string
	arguments []string
	output    string
	cmd       *exec.Cmd
	ended     chan struct{}
}

// Key is what every instance signs its tokens with.
const Key = "0123456789abcdefghijklmnopqrstuvwxyz"

// patience bounds what is waited for.
const patience = 30 * time.Second

// NewInstance is an instance that is yet to be started; what it prints goes to a file in folder.
func NewInstance(binary, folder, name string, arguments ...string) (*Instance, error) {
	port, err := freePort()
	return &Instance{Addr: fmt.Sprintf("127.0.0.1:%d", port), binary: binary, arguments: arguments, output: filepath.Join(folder, name+".log")}, err
}

// freePort is a port of 127.0.0.1 on which nothing listens, and which the system hands to
// nobody by itself.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// Launch starts it and does not wait.
func (i *Instance) Launch() error {
	out, err := os.OpenFile(i.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(i.binary, append([]string{"--listen", i.Addr}, i.arguments...)...)
	cmd.Stdout, cmd.Stderr = out, out
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLEY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "PARLEY_JWT_SECRET="+Key)
	if i.Clock != nil {
		cmd.Env = append(cmd.Env, clockFile+"="+i.Clock.path)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	i.cmd, i.ended = cmd, make(chan struct{})
	go func() {
		cmd.Wait()
		close(i.ended)
	}()
	return nil
}

// Start starts it and waits until it is ready.
func (i *Instance) Start() error {
	if err := i.Launch(); err != nil {
		return err
	}
	return i.Ready()
}

// Ready waits until it says that it is, starting it again where it gave up: it refuses to
// start without a database.
func (i *Instance) Ready() error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if i.over() {
			if err := i.Launch(); err != nil {
				return err
			}
		}
		client := http.Client{Timeout: 3 * time.Second}
		resp, err := client.Get("http://" + i.Addr + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("%s is not ready after %s; it said:\n%s", i.Addr, patience, i.Tail())
}

func (i *Instance) over() bool {
	select {
	case <-i.ended:
		return true
	default:
		return false
	}
}

// Signal sends it a signal, which one that has ended does not mind.
func (i *Instance) Signal(s syscall.Signal) error {
	if err := i.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Kill ends it at once and returns when it has ended.
func (i *Instance) Kill() {
	if i.cmd == nil {
		return
	}
	_ = i.Signal(syscall.SIGKILL)
	<-i.ended
}

// Terminate asks it to end, and returns its exit code when it has.
func (i *Instance) Terminate() (int, error) {
	if err := i.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-i.ended:
		return i.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("%s does not end", i.Addr)
	}
}

// PID is its process.
func (i *Instance) PID() int { return i.cmd.Process.Pid }

// Printed is all that it has printed, over all its starts.
func (i *Instance) Printed() (string, error) {
	text, err := os.ReadFile(i.output)
	return string(text), err
}

// Tail is the end of what it printed.
func (i *Instance) Tail() string {
	text, _ := i.Printed()
	return text[max(0, len(text)-4000):]
}
