package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"parley/e2e/need"
)

// TestMain lets this program play the benchmark's roles, as the benchmark's own
// program does.
func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		exit(runRole(role))
	}
	// A program with the race detector sleeps for a second before it exits, and here
	// two of them, one after the other, end with nearly everything that is measured.
	os.Setenv("GORACE", "atexit_sleep_ms=50 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

func TestEverySectionIsMeasured(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		database, only string
		targets        int
	}{
		{"sqlite", "posting/sqlite/one chat/64 clients", 2},
		{"sqlite", "http/sqlite/1 client", 1},
		{"sqlite", "reading", len(reads)},
		{"sqlite", "sessions/sqlite", 6},
		{"sqlite", "checking", 3},
		{"postgresql", "posting/postgresql/20 chats/64 clients", 2},
	} {
		t.Run(test.database+" "+test.only, func(t *testing.T) {
			t.Parallel()
			if test.database == "postgresql" {
				need.LeaveOutIfShort(t, "PostgreSQL") // which the benchmark starts itself
			}
			var out, doing strings.Builder
			if err := run(t.Context(), options{only: test.only, db: test.database, quick: true, messages: 1_000_000}, &out, &doing); err != nil {
				t.Fatalf("%v\n%s", err, &doing)
			}
			if got := strings.Count(out.String(), "  yes") + strings.Count(out.String(), "  NO"); got != test.targets {
				t.Errorf("%d targets were measured, want %d:\n%s", got, test.targets, &out)
			}
		})
	}
}

func TestSeedIsAValidLog(t *testing.T) {
	engine, err := sqliteEngine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.newDatabase(t.Context(), seed{people: 3, chats: 4, messages: 20, accounts: 2, each: 3, outsiders: 5})
	if err != nil {
		t.Fatal(err)
	}
	direct, err := engine.connect(db.address)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	for what, query := range map[string]string{
		"positions have no hole":       `SELECT (SELECT max(pos) FROM events) = count(*) AND count(*) = 3 * 4 + 20 + 2 * 3 FROM events`,
		"a chat's numbers have none":   `SELECT min(ok) FROM (SELECT max(seq) = count(*) AND min(seq) = 1 AS ok FROM events GROUP BY chat)`,
		"seq grows with pos":           `SELECT count(*) = 0 FROM events a JOIN events b ON a.chat = b.chat WHERE a.pos < b.pos AND a.seq >= b.seq`,
		"the head is the last":         `SELECT pos = (SELECT max(pos) FROM events) FROM head`,
		"a chat's row is its last":     `SELECT min(ok) AND count(*) = 4 + 6 FROM (SELECT c.seq = max(e.seq) AND c.head = max(e.pos) AND c.last_message IS max(e.message) AND c.messages = count(e.message) AS ok FROM chats c JOIN events e ON e.chat = c.id GROUP BY c.id)`,
		"messages are as their events": `SELECT count(*) = 20 FROM messages m JOIN events e ON e.message = m.id AND e.pos = m.id AND e.chat = m.chat AND e.seq = m.seq`,
		"memberships are as theirs":    `SELECT count(*) = 12 + 6 FROM memberships m JOIN events e ON e.pos = m.joined_pos AND e.chat = m.chat AND e.username = m.username AND e.role = m.role`,
		"accounts have their chats":    fmt.Sprintf(`SELECT count(*) = 3 FROM memberships WHERE username = '%s' AND chat IN ('%s', '%s', '%s')`, account(2), chatID(db.seed.ownChat(2, 1)), chatID(db.seed.ownChat(2, 2)), chatID(db.seed.ownChat(2, 3))),
		"outsiders are in none":        `SELECT count(*) = 5 FROM users u LEFT JOIN memberships m ON m.username = u.username WHERE m.chat IS NULL`,
		"messages are named right":     fmt.Sprintf(`SELECT count(*) = 1 FROM messages WHERE id = %d AND chat = 'chat-2' AND seq = 3 + 5`, db.seed.messageID(2, 5)),
	} {
		var holds bool
		if err := direct.GetContext(t.Context(), &holds, query); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !holds {
			t.Errorf("it is not so that %s", what)
		}
	}
}
