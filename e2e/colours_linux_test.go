package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newPTY is a terminal: what is written to the second file is read from the first.
func newPTY(t *testing.T) (control, terminal *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.Close() })
	fd := int(control.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return control, terminal
}

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newPerson(t, p)
	lobby := ann.makeChat()
	ann.post(lobby, "in many colours")
	environment := append(cleanEnvironment(), "PARLEY_SERVER="+p.URL, "PARLEY_TOKEN="+ann.login(p).Token, "TERM=xterm")
	for name, of := range map[string]struct {
		terminal bool
		variable string
		want     bool
	}{
		"a terminal":               {true, "NO_COLOR=", true},
		"a terminal with NO_COLOR": {true, "NO_COLOR=1", false},
		"a dumb terminal":          {true, "TERM=dumb", false},
		"a pipe":                   {false, "NO_COLOR=", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(binary(t), "history", lobby)
			cmd.Env = append(environment[:len(environment):len(environment)], of.variable)
			var printed string
			if of.terminal {
				control, terminal := newPTY(t)
				cmd.Stdout = terminal
				if err := cmd.Run(); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 4096)
				n, err := control.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				printed = string(buf[:n])
			} else {
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				printed = string(out)
			}
			if strings.Contains(printed, "\x1b[") != of.want || !strings.Contains(printed, "in many colours") {
				t.Errorf("it shows %q", printed)
			}
		})
	}
}
