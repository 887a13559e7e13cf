package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"parley/auth/hashing"
)

// hashBeside has passwords hashed by a process that runs this program as hashPasswordsCommand.
// It has a session of its own, so that Ctrl-C does not end it before a drain is over, and no
// secret of this process's in its environment.
func hashBeside() (stop func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program that hashes passwords: %w", err)
	}
	return hashing.Beside(func() *exec.Cmd {
		hasher := exec.Command(program, "hash-passwords")
		hasher.Dir, hasher.Env = filepath.Dir(program), []string{}
		hasher.SysProcAttr = ownSession()
		return hasher
	}), nil
}

// hashPasswordsCommand is the process that hashBeside starts.
type hashPasswordsCommand struct{}

// Run hashes until standard input ends.
func (hashPasswordsCommand) Run(std streams) error {
	return hashing.Serve(std.in, std.out)
}
