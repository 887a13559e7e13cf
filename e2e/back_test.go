//go:build unix

package e2e

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"parley/chat"
	"parley/e2e/need"
)

// backWithin is how soon a post is taken again once the database is back.
const backWithin = 5 * time.Second

// postOnceBack posts until that is answered 201: within the time that is promised, since the
// database is back. Every refusal is one for now, and says when to come again.
func postOnceBack(t testing.TB, p *process, token, chatID, text string, since time.Time) (m chat.Message) {
	t.Helper()
	body := fmt.Sprintf(`{"chat":%q,"text":%q,"client_id":"back-%d"}`, chatID, text, since.UnixNano())
	for {
		status, answer, retryAfter := asked(t, "POST", p.URL+"/messages", token, body)
		switch {
		case status == http.StatusCreated || status == http.StatusOK: // or an earlier one was stored
			took := time.Since(since)
			t.Logf("a post is taken %v after the database is back", took.Round(time.Millisecond))
			if took > backWithin {
				t.Errorf("a post is taken %v after the database is back", took)
			}
			decode(t, answer, &m)
			return m
		case status != http.StatusServiceUnavailable || retryAfter == "":
			t.Errorf("a post: %d %s, Retry-After %q", status, answer, retryAfter)
			return m
		case time.Since(since) > patience:
			t.Error("no post is taken")
			return m
		}
	}
}

// asked is one request: its status, its body, and its Retry-After. It is answered in time.
func asked(t testing.TB, method, url, token, body string) (status int, answer []byte, retryAfter string) {
	t.Helper()
	began := time.Now()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := httpClient().Do(request)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second { // 3 s, by the clock of a busy machine
		t.Errorf("%s %s took %v", method, url, took)
	}
	return response.StatusCode, answer, response.Header.Get("Retry-After")
}

// ordinary makes a role without privileges the owner of the database at an address, and
// returns the address with it, and what runs statements as the role that made it. ROLE_NAME
// and DATABASE_NAME stand for the two in them.
func ordinary(t *testing.T, address string) (own string, run func(statements ...string)) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	name, password := strings.Replace(u.Path[1:], "parley_test_", "parley_role_", 1), newPassword()
	fill := strings.NewReplacer("ROLE_NAME", name, "DATABASE_NAME", u.Path[1:])
	run = func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := db.Exec(fill.Replace(statement)); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	t.Cleanup(func() {
		db.SetMaxOpenConns(0)
		run(`ALTER DATABASE DATABASE_NAME OWNER TO CURRENT_USER`, `DROP OWNED BY ROLE_NAME CASCADE`, `DROP ROLE ROLE_NAME`)
		db.Close()
	})
	run(`CREATE ROLE ROLE_NAME LOGIN PASSWORD '`+password+`'`, `ALTER DATABASE DATABASE_NAME OWNER TO ROLE_NAME`)
	u.User = url.UserPassword(name, password)
	return u.String(), run
}

const terminateAll = `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()`

// Connections are ended by the server, are cut, and are not to be had: each time streams
// stay open, and posts are taken again soon.
func TestConnectionsThatAreLostAreMadeAgain(t *testing.T) {
	t.Parallel()
	address, run := ordinary(t, need.Postgres(t))
	relay, own := newRelay(t, address)
	p := servePostgres(t, own, "--signup", "open")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", token, "")
	f.until(t, "ready")
	back := func(t *testing.T, text string) {
		t.Helper()
		m := postOnceBack(t, p, token, chatID, text, time.Now())
		if got := messageOf(t, f.until(t, "")); !reflect.DeepEqual(got, m) {
			t.Errorf("the stream shows %+v, want %+v", got, m)
		}
	}
	for i := range 5 {
		run(terminateAll)
		back(t, fmt.Sprintf("after termination %d", i))
		relay.cut()
		back(t, fmt.Sprintf("after cut %d", i))
	}
	run(`ALTER ROLE ROLE_NAME CONNECTION LIMIT 0`, terminateAll)
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":"there is no room"}`, chatID)},
		{"GET", "/chats/" + chatID + "/messages", ""},
		{"GET", "/chats", ""},
	} {
		if status, answer, retryAfter := asked(t, r.method, p.URL+r.path, token, r.body); status != http.StatusServiceUnavailable || retryAfter == "" {
			t.Errorf("%s %s: %d %s, Retry-After %q", r.method, r.path, status, answer, retryAfter)
		}
	}
	run(`ALTER ROLE ROLE_NAME CONNECTION LIMIT -1`)
	back(t, "there is room again")
}

// What a role sets for its connections does not matter, unless nothing can be written.
func TestSettingsOfARoleDoNotMatter(t *testing.T) {
	t.Parallel()
	address, run := ordinary(t, need.Postgres(t))
	run(`CREATE SCHEMA elsewhere AUTHORIZATION ROLE_NAME`,
		`ALTER ROLE ROLE_NAME SET default_transaction_read_only = on`)
	wantInLine(t, refusedStart(t, onPostgres(address)...), "--database", "default_transaction_read_only")
	run(`ALTER ROLE ROLE_NAME RESET default_transaction_read_only`)
	for _, setting := range []string{
		`search_path = elsewhere`, `statement_timeout = '300ms'`, `lock_timeout = '1ms'`,
		`idle_in_transaction_session_timeout = '1ms'`, `idle_session_timeout = '300ms'`,
		`default_transaction_isolation = serializable`, `default_transaction_deferrable = on`,
		`enable_indexscan = off`, `bytea_output = escape`, `datestyle = 'German, DMY'`, `intervalstyle = sql_standard`, `timezone = 'Asia/Kolkata'`,
		`standard_conforming_strings = off`,
	} {
		run(`ALTER ROLE ROLE_NAME SET ` + setting)
	}
	a := servePostgres(t, address, "--signup", "open")
	b := servePostgres(t, address, "--signup", "open")
	ann, bob := newPerson(t, a), newPerson(t, b)
	chatID := ann.makeChat(bob)
	f := mustOpenFeed(t, b.URL+"/stream", bob.login(b).Token, "")
	f.until(t, "ready")
	for i := range 3 {
		m := ann.post(chatID, fmt.Sprintf(`a \'backslash\' and '' quotes, %d`, i))
		if got := messageOf(t, f.until(t, "")); !reflect.DeepEqual(got, m) {
			t.Errorf("the stream shows %+v, want %+v", got, m)
		}
	}
	for _, p := range []*process{a, b} {
		for _, line := range strings.Split(p.Stderr(), "\n") {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				t.Errorf("it logs %s", line)
			}
		}
	}
}
