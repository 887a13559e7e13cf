package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copyFile copies a file onto another, whose inode stays if it is there.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// runParley runs a command of parley and returns its exit code and what it printed.
func runParley(t testing.TB, stdin string, arguments ...string) (code int, out, errOut string) {
	t.Helper()
	cmd := exec.Command(binary(t), arguments...)
	cmd.Env = cleanEnvironment()
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// wantWholeFile wants the database in a folder to be one complete file.
func wantWholeFile(t testing.TB, data string) {
	t.Helper()
	for _, beside := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(filepath.Join(data, "parley.db"+beside)); err == nil {
			t.Errorf("parley.db%s is left", beside)
		}
	}
}

func TestAnOrderlyEndLeavesOneWholeDatabaseFile(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	password := newPassword()
	if code, _, errOut := runParley(t, password, "--data", data, "user", "add", "ann"); code != 0 {
		t.Fatal(errOut)
	}
	wantWholeFile(t, data)

	p := serve(t, "--data", data)
	ben := newPerson(t, p)
	chatID := ben.makeChat()
	for i := range 50 {
		ben.post(chatID, fmt.Sprintf("message %d", i))
	}
	if code := p.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	wantWholeFile(t, data)

	elsewhere := t.TempDir()
	for _, name := range []string{"parley.db", "secret.key"} {
		copyFile(t, filepath.Join(data, name), filepath.Join(elsewhere, name))
	}
	q := serve(t, "--data", elsewhere)
	if shown := wholeHistory(t, ben.at(q), chatID); len(shown) != 50 {
		t.Errorf("the copy has %d messages, want 50", len(shown))
	}
	if code, out, errOut := runParley(t, "", "--data", elsewhere, "user", "list"); code != 0 || !strings.Contains(out, "ann") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	if code := q.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	wantWholeFile(t, elsewhere)
}

// wholeHistory reads the texts of a chat.
func wholeHistory(t testing.TB, who *person, chatID string) (texts []string) {
	t.Helper()
	for m, err := range who.Messages(t.Context(), chatID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, m.Text)
	}
	return texts
}
