package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"testing"

	_ "github.com/lib/pq"

	"parley/e2e/need"
)

// A database that lets nobody write, as a standby that was taken for the primary, is away:
// nobody is told that the service itself is broken.
func TestAReadOnlyDatabaseIsAnsweredForAndOutlived(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	p := servePostgres(t, address, "--signup", "open")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token
	beside, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	beside.SetMaxOpenConns(1)
	set := func(what string) {
		t.Helper()
		for _, statement := range []string{
			`SET default_transaction_read_only = off`,
			`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ` + what + `', current_database()); END $$`,
			`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
		} {
			if _, err := beside.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}

	set(`SET default_transaction_read_only = on`)
	for _, ask := range []struct{ method, path, body string }{
		{"POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":"hello there"}`, chatID)},
		{"GET", "/chats/" + chatID + "/messages", ""},
		{"GET", "/chats", ""},
		{"POST", "/login", fmt.Sprintf(`{"username":%q,"password":"some-password"}`, ann.name)},
		{"GET", "/readyz", ""},
	} {
		if status, answer, err := send(t, ask.method, p.URL+ask.path, token, ask.body); err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s %v", ask.method, ask.path, status, answer, err)
		}
	}
	set(`RESET default_transaction_read_only`)
	ann.post(chatID, "hello again") // repeats what is answered 503
}
