package cli

import (
	"os/signal"
	"syscall"
)

// pipeClosed ends a command whose standard output nobody reads to its end, as "head" does
// with the output of "user list". It is what a shell tells of a process that SIGPIPE ended.
const pipeClosed = 128 + int(syscall.SIGPIPE)

// ignoreClosedPipes has a write to a pipe that nobody reads fail, on standard output and
// standard error as on every other file. Without it such a write ends the process where
// it stands: a server without a drain, a command with its database open.
func ignoreClosedPipes() { signal.Ignore(syscall.SIGPIPE) }
