//go:build unix

package e2e

import (
	"reflect"
	"strings"
	"testing"

	"parley/e2e/need"
)

// refusedStart starts a server that refuses to, and returns the line that it says.
func refusedStart(t *testing.T, arguments ...string) string {
	t.Helper()
	p := prepared(t, arguments...)
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	if code := p.ExitCode(); code == 0 || p.Stdout() != "" {
		t.Errorf("it ends with %d, and says %q", code, p.Stdout())
	}
	line := strings.TrimSuffix(p.Stderr(), "\n")
	if strings.Contains(line, "\n") {
		t.Errorf("it says more than a line:\n%s", line)
	}
	return line
}

// wantInLine wants a line to name a setting and what else helps.
func wantInLine(t *testing.T, line string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(line, word) {
			t.Errorf("it says %q, without %q", line, word)
		}
	}
}

func TestPgBouncerServesInSessionModeAndIsRefusedInTransactionMode(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	line := refusedStart(t, onPostgres(need.PgBouncer(t, address, "transaction"))...)
	wantInLine(t, line, "--database", "PgBouncer", "pool_mode = session")

	p := servePostgres(t, need.PgBouncer(t, address, "session"), "--signup", "open")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", ann.login(p).Token, "")
	f.until(t, "ready")
	for _, text := range []string{"first through the pool", "second through the pool"} {
		m := ann.post(chatID, text)
		if got := messageOf(t, f.until(t, "")); !reflect.DeepEqual(got, m) {
			t.Errorf("the stream shows %+v, want %+v", got, m)
		}
	}
}
