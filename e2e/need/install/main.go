// Command install brings what the tests need and this machine lacks, by the
// system's own package manager: PostgreSQL 15 or newer, Chromium, nginx, HAProxy,
// Caddy, PgBouncer, bash, zsh, fish, Node.js with npm, and on Linux the C compiler that the race detector needs.
//
// It says first what it installs. It installs only where it may (as root, or as
// a user with Homebrew); otherwise it changes nothing and ends with exit code 1
// and the one line to run. Nothing that it installs is started, then or when the
// machine is.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"parley/e2e/need/machine"
)

func main() {
	if err := install(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func install(out io.Writer) error {
	missing := lacking()
	if len(missing) == 0 {
		return nil
	}
	m, ok := systemsManager()
	if !ok {
		return fmt.Errorf("the tests need %s, and there is no package manager here that this program knows: install them, on PATH", list(missing))
	}
	if !machine.MayInstall() {
		return fmt.Errorf("the tests need %s, and only root may install them; run:  %s", list(missing), machine.Cure())
	}
	fmt.Fprintf(out, "the tests need %s; installing by %s: %s\n",
		list(missing), m.program, strings.Join(m.packagesFor(missing), " "))
	if err := m.install(missing, out); err != nil {
		return err
	}
	if left := lacking(); len(left) > 0 {
		return fmt.Errorf("%s has installed its packages, and still the tests lack %s: this system's are too old or lie elsewhere; "+
			"install them from elsewhere, on PATH (PARLEY_TEST_CHROMIUM names a browser)", m.program, list(left))
	}
	return nil
}

// run executes one command of a package manager, which shall ask nothing.
func run(out io.Writer, program string, arguments ...string) error {
	cmd := exec.Command(program, arguments...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, strings.Join(arguments, " "), err)
	}
	return nil
}

func list(parts []part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
