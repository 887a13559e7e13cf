//go:build !unix

package cli

import "syscall"

// ownSession has a process not be of this one's terminal, where the system knows such a thing.
func ownSession() *syscall.SysProcAttr { return nil }
