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

const unitFile = "../deploy/systemd/parley.service"

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

func TestTheUnitFileFitsTheProgram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	u := parseUnit(t, string(text))
	if command := u.one(t, "Service.ExecStart"); command != "/usr/local/bin/parley serve" {
		t.Errorf("it starts %q", command)
	}
	if stopped := u.one(t, "Service.KillSignal"); stopped != "SIGTERM" {
		t.Errorf("it is stopped by %s", stopped)
	}
	patient, err := time.ParseDuration(u.one(t, "Service.TimeoutStopSec"))
	if err != nil || patient <= server.DrainTime {
		t.Errorf("it has %v to drain in, which takes up to %v: %v", patient, server.DrainTime, err)
	}
	variables := make(map[string]bool)
	settings := reflect.TypeFor[server.Settings]()
	for i := range settings.NumField() {
		variables[settings.Field(i).Tag.Get("env")] = true
	}
	for _, assignment := range u["Service.Environment"] {
		if name, _, _ := strings.Cut(assignment, "="); !variables[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	if data := "PARLEY_DATA=/var/lib/" + u.one(t, "Service.StateDirectory"); u.one(t, "Service.Environment") != data {
		t.Errorf("the data is not in the folder that the service may write: %s", data)
	}

	// Where there is a systemd, it has its say.
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		verifyUnit(t, analyze, string(text))
	}
}

// verifyUnit has systemd read the unit, with a program that is there.
func verifyUnit(t *testing.T, analyze, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parley.service")
	text = strings.Replace(text, "/usr/local/bin/parley", binary(t), 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// It warns of what it does not know, and succeeds.
	if said, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}
