//go:build unix

package cli

import "syscall"

// ownSession has a process not be of this one's terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
