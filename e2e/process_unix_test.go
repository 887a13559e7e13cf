//go:build unix

package e2e

import "syscall"

// Freeze stops it where it stands: connections stay open and nothing answers.
func (p *process) Freeze() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
}

// Thaw lets it go on.
func (p *process) Thaw() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
}
