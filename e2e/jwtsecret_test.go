//go:build unix

package e2e

import (
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

	// The way to change it: stop all that have the former one.
	if code := p.Terminate(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	newPerson(t, serve(t, another...)).makeChat()
}
