//go:build unix

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// pipe is both ends of a pipe; the caller decides what becomes of them.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// servePrinting starts a server that prints to these files, nil being one that loses
// it, and returns once it answers.
func servePrinting(t *testing.T, stdout, stderr *os.File) *process {
	t.Helper()
	address := "127.0.0.1:" + strconv.Itoa(port(t))
	p := newProcess(t, t.TempDir(), cleanEnvironment(),
		[]string{"--listen", address, "--data", filepath.Join(t.TempDir(), "data")})
	p.URL = "http://" + address
	if err := p.launchPrinting(stdout, stderr); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		if p.over() {
			t.Fatalf("it ended: %v", p.cmd.ProcessState)
		}
		return healthy(p) == nil
	})
	return p
}

// healthy asks for /healthz.
func healthy(p *process) error {
	response, err := httpClient().Get(p.URL + "/healthz")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// drainsWithAWord ends the server by a signal and wants that an open stream was told.
func drainsWithAWord(t *testing.T, p *process, signal os.Signal) {
	t.Helper()
	ann := newPerson(t, p)
	f := mustOpenFeed(t, p.URL+"/stream", ann.login(p).Token, "")
	f.until(t, "ready")
	began := time.Now()
	p.Signal(signal)
	if bye := f.until(t, "bye").Data; bye != `{"reason":"shutdown"}` {
		t.Errorf("the stream was told %s", bye)
	}
	if code := p.ExitCode(); code != 0 {
		t.Errorf("it ended with exit code %d: %v", code, p.cmd.ProcessState)
	}
	if took := time.Since(began); took > drainWithin {
		t.Errorf("the drain took %v", took)
	}
}

func TestAServerOutlivesTheReaderOfItsOutput(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]func(w *os.File) (stdout, stderr *os.File){
		"standard error":  func(w *os.File) (*os.File, *os.File) { return nil, w },
		"standard output": func(w *os.File) (*os.File, *os.File) { return w, nil },
		"both":            func(w *os.File) (*os.File, *os.File) { return w, w },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := pipe(t)
			r.Close()
			stdout, stderr := closed(w)
			p := servePrinting(t, stdout, stderr)
			for range 3 {
				if err := healthy(p); err != nil {
					t.Fatal(err)
				}
			}
			drainsWithAWord(t, p, syscall.SIGTERM)
		})
	}
}

// A pipe takes some hundred lines of the log.
func TestAnAnswerNeverWaitsForTheReaderOfTheLog(t *testing.T) {
	t.Parallel()
	_, w := pipe(t)
	p := servePrinting(t, nil, w)
	for i := range 2000 {
		if err := healthy(p); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	drainsWithAWord(t, p, syscall.SIGTERM)
}

func TestACommandEndsQuietlyWhenItsReaderHasGone(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	run := func(stdin string, stdout *os.File, arguments ...string) (code int, stderr string) {
		cmd := exec.Command(binary(t), append(arguments, "--data", data)...)
		var complaint bytes.Buffer
		cmd.Env, cmd.Stdin, cmd.Stderr = cleanEnvironment(), bytes.NewBufferString(stdin), &complaint
		if stdout != nil {
			cmd.Stdout = stdout
		}
		_ = cmd.Run()
		if err := keep("err", complaint.String()); err != nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), complaint.String()
	}
	password := newPassword() + "\n"
	if code, stderr := run(password, nil, "user", "add", "ann"); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, arguments := range [][]string{{"user", "list"}, {"version"}, {"user", "add", "bob"}} {
		r, w := pipe(t)
		r.Close()
		// As a shell tells of a program that SIGPIPE ended; but it has closed its database.
		if code, stderr := run(password, w, arguments...); code != 141 || stderr != "" {
			t.Errorf("%q: exit code %d, standard error %q", arguments, code, stderr)
		}
	}
}
