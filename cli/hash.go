package cli

import (
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"parley/auth/hashing"
)

// hashInChild has the passwords of crowds hashed by a child that runs this program as
// hashPasswordsCommand. It gets no secret of this process's in its environment.
func hashInChild() (stop func()) {
	return hashing.UseChild(func() *exec.Cmd {
		hasher := exec.Command(ownProgram(), "hash-passwords")
		hasher.Args[0] = "parley"
		hasher.Dir, hasher.Env = os.TempDir(), []string{}
		return hasher
	})
}

// ownProgram is this program: where the system can say so, even if its file has been replaced
// since by another version.
func ownProgram() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	program, _ := os.Executable() // an empty name cannot be started
	return program
}

// hashPasswordsCommand is the child that hashInChild starts.
type hashPasswordsCommand struct{}

// Run hashes until standard input ends, which is when the server has drained. Ctrl-C, a terminal
// that closes, and a supervisor that stops the service tell all its processes.
func (hashPasswordsCommand) Run(std streams) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return hashing.Serve(std.in, std.out)
}
