package need

import (
	"errors"
	"syscall"
)

// errWindows: the guard is a shell script, and Windows has no SIGSTOP.
var errWindows = errors.New("a PostgreSQL of the tests' own needs a Unix; name a server in " + serverVariable)

func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, errWindows }

func chown(string, *syscall.SysProcAttr) error { return nil }

func (c *Cluster) freeze() error { return errWindows }

func (c *Cluster) thaw() error { return errWindows }
