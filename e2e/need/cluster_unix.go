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
// list of them.
func (c *Cluster) freeze() error {
	server, err := c.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil {
		return err
	}
	return signalChildren(server, syscall.SIGSTOP)
}

func (c *Cluster) thaw() error {
	server, err := c.pid()
	if err != nil {
		return err
	}
	if err := signalChildren(server, syscall.SIGCONT); err != nil {
		return err
	}
	return syscall.Kill(server, syscall.SIGCONT)
}

func signalChildren(parent int, signal syscall.Signal) error {
	children, err := childrenOf(parent)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := syscall.Kill(child, signal); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return nil
}

func childrenOf(parent int) ([]int, error) {
	if runtime.GOOS == "linux" {
		return childrenByProc(parent)
	}
	return childrenByPS(parent)
}

// childrenByProc asks the kernel: a bare Linux has no ps.
func childrenByProc(parent int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		// pid (name) state ppid …; the name may hold anything, brackets too
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				return nil, err
			}
			children = append(children, pid)
		}
	}
	return children, nil
}

func childrenByPS(parent int) ([]int, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return nil, err
	}
	var children []int
	for line := range strings.Lines(string(out)) {
		var pid, ppid int
		if n, _ := fmt.Sscan(line, &pid, &ppid); n == 2 && ppid == parent {
			children = append(children, pid)
		}
	}
	return children, nil
}
