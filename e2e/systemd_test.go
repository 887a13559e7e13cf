package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/server"
)

// unit is a unit file's values by "Section.Name", in the order of its lines.
type unit map[string][]string

// parseUnit reads a unit file, and fails the test at a line that is none.
func parseUnit(t *testing.T, text string) unit {
	t.Helper()
	u := unit{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch name, value, assigns := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
		case assigns && section != "":
			u[section+"."+name] = append(u[section+"."+name], value)
		default:
			t.Fatalf("this line is none of a unit file: %q", line)
		}
	}
	return u
}

// one is a value that is given once.
func (u unit) one(t *testing.T, name string) string {
	t.Helper()
	if len(u[name]) != 1 {
		t.Fatalf("%s is given %d times", name, len(u[name]))
	}
	return u[name][0]
}

func readUnit(t *testing.T, name string) (u unit, text string) {
	t.Helper()
	text = deployed(t, "systemd/"+name)
	return parseUnit(t, text), text
}

// environment are the variables that the unit sets.
func (u unit) environment(t *testing.T) map[string]string {
	t.Helper()
	return assignments(t, strings.Join(u["Service.Environment"], "\n"))
}

func TestTheUnitFilesFitTheProgram(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"parley.service", "parley@.service"} {
		u, text := readUnit(t, name)
		if command := u.one(t, "Service.ExecStart"); command != "/usr/local/bin/parley serve" {
			t.Errorf("%s starts %q", name, command)
		}
		if stopped := u.one(t, "Service.KillSignal"); stopped != "SIGTERM" {
			t.Errorf("%s is stopped by %s", name, stopped)
		}
		patient, err := time.ParseDuration(u.one(t, "Service.TimeoutStopSec"))
		if err != nil || patient <= server.DrainTime {
			t.Errorf("%s has %v to drain in, which takes up to %v: %v", name, patient, server.DrainTime, err)
		}
		settingsOf(t, u.environment(t))
		// Where there is a systemd, it has its say.
		if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
			verifyUnit(t, analyze, name, text)
		}
	}
}

func TestTheUnitKeepsItsDataWhereItMayWrite(t *testing.T) {
	t.Parallel()
	u, _ := readUnit(t, "parley.service")
	if data := "/var/lib/" + u.one(t, "Service.StateDirectory"); u.environment(t)["PARLEY_DATA"] != data {
		t.Errorf("the data is not in %s", data)
	}
}

// TestInstancesOfOneMachineRunAsOneAloneDoes holds the template against the unit of a lone
// instance: what differs is said there.
func TestInstancesOfOneMachineRunAsOneAloneDoes(t *testing.T) {
	t.Parallel()
	alone, _ := readUnit(t, "parley.service")
	instance, _ := readUnit(t, "parley@.service")
	if listen := instance.environment(t)["PARLEY_LISTEN"]; listen != "127.0.0.1:%i" {
		t.Errorf("each listens on %s", listen)
	}
	for _, differs := range []string{"Unit.Description", "Service.Environment", "Service.EnvironmentFile",
		"Service.StateDirectory", "Service.StateDirectoryMode"} {
		delete(alone, differs)
		delete(instance, differs)
	}
	if !reflect.DeepEqual(alone, instance) {
		t.Errorf("alone %v, one of several %v", alone, instance)
	}
}

// verifyUnit has systemd read the unit, with a program that is there.
func verifyUnit(t *testing.T, analyze, name, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	text = strings.Replace(text, "/usr/local/bin/parley", binary(t), 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// It warns of what it does not know, and succeeds.
	if said, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}
