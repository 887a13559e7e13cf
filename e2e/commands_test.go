package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/e2e/need"
	"parley/server"
)

// drainWithin is how long a server may take to end after SIGTERM.
const drainWithin = 15 * time.Second

func (s *story) parley(ts *testscript.TestScript, neg bool, args []string) {
	secrets.addSettings(args)
	err := ts.Exec(s.binary, args...)
	printed := ts.ReadFile("stdout")
	// What these print is for their caller alone.
	switch command := strings.Join(args[:min(2, len(args))], " "); command {
	case "token create":
		secrets.add("a script token", strings.TrimSpace(printed))
		printed = ""
	case "invite create":
		secrets.add("an invite", strings.TrimSpace(printed))
		printed = ""
	case "invite list":
		printed = ""
	}
	ts.Check(keep("out", printed))
	ts.Check(keep("err", ts.ReadFile("stderr")))
	var exit *exec.ExitError
	switch {
	case neg && err == nil:
		ts.Fatalf("parley succeeded")
	case neg && errors.As(err, &exit) && exit.ExitCode() == 1:
	case err != nil:
		ts.Fatalf("parley: %v", err)
	}
}

func (s *story) usage(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	err := ts.Exec(s.binary, args...)
	ts.Check(keep("err", ts.ReadFile("stderr")))
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		ts.Fatalf("parley %q: %v, and not exit code 2", args, err)
	}
	s.lines(ts, false, []string{"1"})
}

func (s *story) behind(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	name := argument(ts, args, 0)
	p := newProcess(s.t, ts.MkAbs("."), environmentOf(ts), args[1:])
	ts.Check(os.Symlink(p.outFile, ts.MkAbs(name+".out")))
	ts.Check(os.Symlink(p.errFile, ts.MkAbs(name+".err")))
	ts.Check(p.launch())
	if s.beside == nil {
		s.beside = make(map[string]*process)
	}
	s.beside[name] = p
}

func (s *story) over(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	p := s.beside[argument(ts, args, 0)]
	if code := strconv.Itoa(p.ExitCode()); code != argument(ts, args, 1) {
		ts.Fatalf("%s ended with exit code %s:\n%s", args[0], code, p.Stderr())
	}
}

// signals are those that a story can send.
var signals = map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt}

func (s *story) halt(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	s.beside[argument(ts, args, 0)].Signal(signals[argument(ts, args, 1)])
	s.over(ts, false, []string{args[0], argument(ts, args, 2)})
}

func (s *story) serve(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	if s.server != nil && !s.server.over() {
		ts.Fatalf("a server runs already")
	}
	environment := environmentOf(ts)
	if !slices.Contains(args, "--listen") && ts.Getenv("PARLEY_LISTEN") == "" && ts.Getenv("PARLEY_CONFIG") == "" && !slices.Contains(args, "--config") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	s.server = newProcess(s.t, ts.MkAbs("."), environment, args)
	for name, file := range map[string]string{"server.out": s.server.outFile, "server.err": s.server.errFile} {
		os.Remove(ts.MkAbs(name)) // of the server before
		ts.Check(os.Symlink(file, ts.MkAbs(name)))
	}
	ts.Check(s.server.tryStart())
	ts.Setenv("URL", s.server.URL)
	ts.Setenv("ADDR", s.server.Addr())
}

// environmentOf is what a script has set of parley's settings, and what a
// process cannot do without.
func environmentOf(ts *testscript.TestScript) []string {
	names := []string{"PATH", "HOME", "TMPDIR", "SYSTEMROOT", "GORACE", "XDG_CONFIG_HOME", "PARLEY_CONFIG", "PARLEY_SERVER", "PARLEY_TOKEN"}
	settings := reflect.TypeFor[server.Settings]()
	for i := range settings.NumField() {
		names = append(names, settings.Field(i).Tag.Get("env"))
	}
	var environment []string
	for _, name := range names {
		if value := ts.Getenv(name); value != "" {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

func (s *story) terminate(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	began := time.Now()
	if code := s.server.Terminate(); code != 0 {
		ts.Fatalf("after SIGTERM it ended with exit code %d", code)
	}
	if took := time.Since(began); took > drainWithin {
		ts.Fatalf("it took %v to end", took)
	}
}

func (s *story) signal(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	s.server.Signal(signals[argument(ts, args, 0)])
}

func (s *story) ended(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	if code := strconv.Itoa(s.server.ExitCode()); code != argument(ts, args, 0) {
		ts.Fatalf("it ended with exit code %s", code)
	}
}

func (s *story) await(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	file, pattern := ts.MkAbs(argument(ts, args, 0)), regexp.MustCompile("(?m)"+argument(ts, args, 1))
	for deadline := time.Now().Add(patience); !pattern.MatchString(content(file)); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s never holds %s; it holds:\n%s", args[0], pattern, content(file))
		}
	}
}

func (s *story) remember(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	name, pattern := argument(ts, args, 0), regexp.MustCompile("(?m)"+argument(ts, args, 1))
	file := "stdout"
	if len(args) > 2 {
		file = args[2]
	}
	text := ts.ReadFile(file)
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		ts.Fatalf("%s is nowhere in:\n%s", pattern, text)
	}
	ts.Setenv(name, found[len(found)-1])
}

func (s *story) lines(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	stderr := ts.ReadFile("stderr")
	if n := strconv.Itoa(strings.Count(stderr, "\n")); n != argument(ts, args, 0) {
		ts.Fatalf("standard error has %s lines:\n%s", n, stderr)
	}
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "parley: ") || !strings.HasSuffix(line, "\n") {
			ts.Fatalf("this line does not say whose it is: %q", line)
		}
	}
}

func (s *story) mode(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	info, err := os.Stat(ts.MkAbs(argument(ts, args, 1)))
	ts.Check(err)
	if mode := fmt.Sprintf("%04o", info.Mode().Perm()); mode != args[0] {
		ts.Fatalf("%s has mode %s", args[1], mode)
	}
}

func (s *story) take(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	ts.Setenv(argument(ts, args, 0), strings.TrimSpace(ts.ReadFile(argument(ts, args, 1))))
}

func (s *story) postgres(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	ts.Setenv("DATABASE", need.Postgres(s.t))
}

// paste runs one of the lines that a server has printed to be pasted.
func (s *story) paste(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg)
	n, err := strconv.Atoi(argument(ts, args, 0))
	ts.Check(err)
	lines := regexp.MustCompile("(?m)^curl .*$").FindAllString(s.server.Stdout(), -1)
	if n > len(lines) {
		ts.Fatalf("it printed %d lines to paste", len(lines))
	}
	words := pasted(s.t, ts, lines[n-1])
	if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, s.server.Addr()+"/") }) {
		ts.Fatalf("this line does not use the address that was printed: %s", lines[n-1])
	}
	if len(args) > 1 {
		s.curlInBackground(ts, words, args[1])
		return
	}
	s.curl(ts, false, words)
}

// refuse ends a script that wants the failure of a command that has none.
func refuse(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("this command has no opposite")
	}
}

func argument(ts *testscript.TestScript, args []string, i int) string {
	if i >= len(args) {
		ts.Fatalf("argument %d is missing", i+1)
	}
	return args[i]
}
