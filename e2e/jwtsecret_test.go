//go:build unix

package e2e

import (
	"fmt"
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
