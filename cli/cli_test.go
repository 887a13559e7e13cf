package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/cli"
	"parley/e2e/leak"
)

func TestMain(m *testing.M) {
	// What the machine that runs the tests has set is none of theirs.
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PARLEY_") {
			os.Unsetenv(name)
		}
	}
	leak.Main(m)
}

// run runs a command line.
func run(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = cli.Main(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// works runs a command line that must succeed, and returns what it prints.
func works(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	code, stdout, stderr := run(stdin, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("%q: exit %d: %s", args, code, stderr)
	}
	return stdout
}

// fails runs a command line that must fail, and returns the lines that say why.
func fails(t *testing.T, stdin string, args ...string) []string {
	t.Helper()
	return failsWith(t, 1, stdin, args...)
}

// misused runs a command line that cannot be read, and wants one line that says why.
func misused(t *testing.T, says string, args ...string) {
	t.Helper()
	if lines := failsWith(t, 2, "", args...); len(lines) != 1 || !strings.Contains(lines[0], says) {
		t.Errorf("%q: %q", args, lines)
	}
}

func failsWith(t *testing.T, want int, stdin string, args ...string) []string {
	t.Helper()
	code, stdout, stderr := run(stdin, args...)
	if code != want || stdout != "" || stderr == "" {
		t.Fatalf("%q: exit %d, printed %q, said %q", args, code, stdout, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "parley: ") {
			t.Errorf("%q: a line of nobody's: %q", args, line)
		}
	}
	return lines
}

const password = "correct-horse-battery\n"

func TestAUserIsMadeListedAndDisabled(t *testing.T) {
	data := "--data=" + filepath.Join(t.TempDir(), "new")
	if lines := fails(t, "", "user", "list", data); len(lines) != 1 || !strings.Contains(lines[0], "--data") {
		t.Errorf("%q", lines)
	}
	works(t, password, "user", "add", "ann", data)
	works(t, "another password\r\n", "user", "add", "bob", data, "--display-name", "Bob\x1b[2J")
	for _, row := range []struct {
		stdin, says string
		args        []string
	}{
		{password, "taken", []string{"user", "add", "ann", data}},
		{"short\n", "password", []string{"user", "add", "carl", data}},
		{"", "password", []string{"user", "add", "carl", data}},
		{"password123\n", "password is one of the commonest", []string{"user", "add", "carl", data}},
		{"carl-the-great\n", "password must not be", []string{"user", "add", "carl-the-great", data}},
		{password, "username", []string{"user", "add", "Carl", data}},
		{"", "no user", []string{"user", "disable", "carl", data}},
		{"", "no user", []string{"user", "disable", "\xff", data}},
	} {
		if lines := fails(t, row.stdin, row.args...); len(lines) != 1 || !strings.Contains(lines[0], row.says) {
			t.Errorf("%q: %q", row.args, lines)
		}
	}
	misused(t, "<name>", "user", "add", data)
	works(t, "", "user", "disable", "bob", data)
	works(t, "", "user", "disable", "bob", data)
	listed := works(t, "", "user", "list", data)
	lines := strings.Split(listed, "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], "ann") || !strings.Contains(lines[1], "active") ||
		!strings.Contains(lines[2], "bob") || !strings.Contains(lines[2], "disabled") || strings.Contains(listed, "\x1b") {
		t.Errorf("%s", listed)
	}
}

func TestTheFlagWinsOverTheVariableAndTheVariableOverTheFile(t *testing.T) {
	root := t.TempDir()
	folder := func(name string) string { return filepath.Join(root, name) }
	for _, name := range []string{"file", "variable", "flag"} {
		works(t, password, "user", "add", name, "--data", folder(name))
	}
	config := folder("parley.conf")
	text := "\n# a comment\r\nPARLEY_DATA=" + folder("nowhere") + "\r\nPARLEY_DATA=\"" + folder("file") + "\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	uses := func(name string, args ...string) {
		t.Helper()
		if listed := works(t, "", append([]string{"user", "list"}, args...)...); !strings.Contains(listed, name) {
			t.Errorf("%q does not use the %s:\n%s", args, name, listed)
		}
	}
	uses("file", "--config", config)
	t.Setenv("PARLEY_CONFIG", config)
	uses("file")
	t.Setenv("PARLEY_DATA", folder("variable"))
	uses("variable")
	uses("variable", "--config", config)
	uses("flag", "--config", config, "--data", folder("flag"))
}

func TestAFileOfSettingsIsHeldToItsForm(t *testing.T) {
	config := filepath.Join(t.TempDir(), "conf")
	text := "PARLEY_LISTEN=127.0.0.1:0\nPARLEY_LISTN=x\nrubbish\nPARLEY_CONFIG=x\nHOME=/\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := fails(t, "", "--config", config)
	if len(lines) != 4 || !strings.Contains(lines[0], "PARLEY_LISTN") || !strings.Contains(lines[1], "line 3") {
		t.Errorf("%q", lines)
	}
	if lines := fails(t, "", "--config", config+"-not"); len(lines) != 1 || !strings.Contains(lines[0], "--config") {
		t.Errorf("%q", lines)
	}
}

func TestAllMistakesAreToldBeforeAServerStarts(t *testing.T) {
	t.Setenv("PARLEY_PING", "often")
	lines := fails(t, "", "serve", "--listen", "here", "--jwt-secret=weak")
	if got := strings.Join(lines, "\n"); len(lines) != 3 || !strings.Contains(got, "--listen") || !strings.Contains(got, "--jwt-secret") || !strings.Contains(got, "--ping") {
		t.Errorf("%s", got)
	}
	for _, args := range [][]string{{"--frobnicate"}, {"frobnicate"}, {"user"}, {"--listen"}} {
		misused(t, "", args...)
	}
}

func TestVersionAndHelpAreAnswersAndNoMistakes(t *testing.T) {
	if got := works(t, "", "version"); !strings.HasPrefix(got, "parley ") || !strings.Contains(got, "go1") {
		t.Errorf("%q", got)
	}
	help := works(t, "", "--help")
	for _, want := range []string{"--listen", "PARLEY_LISTEN", "127.0.0.1:8080", "--trusted-proxies", "user add"} {
		if !strings.Contains(help, want) {
			t.Errorf("no %s in:\n%s", want, help)
		}
	}
}
