//go:build unix

package e2e

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"parley/e2e/need"
)

func TestAnInstanceWithAnotherSecretIsRefusedWhileOthersServe(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	p := servePostgres(t, address, "--signup", "open")
	ann := newPerson(t, p)
	another := []string{"--database", address, "--jwt-secret", "9876543210-another-secret-of-the-suite-zyxwvut", "--signup", "open"}
	for range 2 { // a refused start leaves nothing behind
		wantInLine(t, refusedStart(t, another...), "--jwt-secret", "another secret")
		servePostgres(t, address).Terminate()
	}
	ann.makeChat()

	// One that knows the former secret serves beside those that still have it, and goes on
	// with their sessions.
	rotating := serve(t, append(another, "--jwt-previous-secret", sharedSecret)...)
	login := ann.login(p)
	call(t, "GET", rotating.URL+"/me", login.Token, "", 200, nil)
	call(t, "POST", rotating.URL+"/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, login.RefreshToken), 200, &login)
	call(t, "GET", rotating.URL+"/me", login.Token, "", 200, nil)
	call(t, "GET", p.URL+"/me", login.Token, "", 401, nil)
	call(t, "POST", p.URL+"/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, login.RefreshToken), 200, nil)
	if code := rotating.Terminate(); code != 0 {
		t.Errorf("it ended with %d", code)
	}

	// The other way to change it: stop all that have the former one.
	if code := p.Terminate(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	newPerson(t, serve(t, another...)).makeChat()
}

// The test ends the lease instead of waiting for 20 s.
func TestAnInstanceEndsWhereOneWithAnotherSecretStartedWhileItStoodStill(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	p := servePostgres(t, address)
	p.Freeze()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE instances SET expires_at = 0`); err != nil {
		t.Fatal(err)
	}
	other := serve(t, "--database", address, "--jwt-secret", "9876543210-another-secret-of-the-suite-zyxwvut", "--signup", "open")
	p.Thaw()
	if code := p.ExitCode(); code != 1 {
		t.Errorf("it ended with %d", code)
	}
	said := p.Stderr()
	if n := strings.Count(said, "level=ERROR"); n != 1 || !strings.Contains(said, "drained") {
		t.Errorf("it tells of %d errors, or did not drain:\n%s", n, said)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	wantInLine(t, lines[len(lines)-1], "--jwt-secret", "another secret")
	newPerson(t, other).makeChat()
}
