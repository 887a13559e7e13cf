//go:build unix

package need

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// unprivileged says whom PostgreSQL's processes run as, and hands them the
// folder. PostgreSQL refuses root, so under root it is the user "postgres",
// else "nobody". They get a session of their own: what the terminal sends to
// the tests' group does not reach them.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, chown(dir, attr)
}

func chown(path string, attr *syscall.SysProcAttr) error {
	if attr.Credential == nil {
		return nil
	}
	return os.Chown(path, int(attr.Credential.Uid), int(attr.Credential.Gid))
}

// freeze stops the server before its children, so that none is born behind the
// list of them, and returns when all stand still: a signal takes its time.
func (c *Cluster) freeze() error {
	server, err := c.pid()
	if err != nil {
		return err
	}
	if err := stop(func(p process) bool { return p.pid == server }); err != nil {
		return err
	}
	return stop(func(p process) bool { return p.parent == server })
}

func (c *Cluster) thaw() error {
	server, err := c.pid()
	if err != nil {
		return err
	}
	all, err := processes()
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.parent == server || p.pid == server {
			if err := signal(p.pid, syscall.SIGCONT); err != nil {
				return err
			}
		}
	}
	return nil
}

// stop stops the processes and returns when none of them runs.
func stop(which func(process) bool) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		all, err := processes()
		if err != nil {
			return err
		}
		running := 0
		for _, p := range all {
			if which(p) && p.state != 'T' && p.state != 'Z' {
				running++
				if err := signal(p.pid, syscall.SIGSTOP); err != nil {
					return err
				}
			}
		}
		if running == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes do not stop", running)
		}
	}
}

// signal does not mind a process that has ended.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		return err
	}
	return nil
}

// process is what the system tells of one; state T is stopped, Z has ended.
type process struct {
	pid, parent int
	state       byte
}

func processes() ([]process, error) {
	if runtime.GOOS == "linux" {
		return processesByProc()
	}
	return processesByPS()
}

// processesByProc asks the kernel: a bare Linux has no ps.
func processesByProc() ([]process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		var p process
		// pid (name) state parent …; the name may hold anything, brackets too
		_, err = fmt.Sscanf(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " %c %d", &p.state, &p.parent)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if p.pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path))); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func processesByPS() ([]process, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=,state=").Output()
	if err != nil {
		return nil, err
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		var p process
		var state string
		if n, _ := fmt.Sscan(line, &p.pid, &p.parent, &state); n == 3 {
			p.state = state[0]
			all = append(all, p)
		}
	}
	return all, nil
}
