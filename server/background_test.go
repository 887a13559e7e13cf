package server_test

import (
	"database/sql"
	"net"
	"net/url"
	"testing"
	"time"

	"parley/e2e/need"
)

// What an instance leaves over is committed by the next one, also before that has a broker.
func TestAServerStartsWhileAnAccountIsStillBeingClosed(t *testing.T) {
	t.Parallel()
	database := need.Postgres(t)
	db, err := sql.Open("postgres", database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	on := func(s *settings) { s.Database = database }

	before := open(t, on)
	ann, bob := before.user("ann"), before.user("bob")
	before.chat("lobby", ann)
	before.chat("den", bob)
	before.drained()
	if _, err := db.Exec(`INSERT INTO endings (kind, id) VALUES ('account', 'bob')`); err != nil {
		t.Fatal(err)
	}

	// The bus is opened in between, and answers once the account is closed.
	bus, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	go func() {
		for {
			c, err := bus.Accept()
			if err != nil {
				return
			}
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
				var left int
				if err := db.QueryRow(`SELECT count(*) FROM endings`).Scan(&left); err != nil || left == 0 {
					break
				}
			}
			_ = c.Close()
		}
	}()
	h := open(t, on, func(s *settings) {
		s.Bus = (&url.URL{Scheme: "postgres", User: url.UserPassword("u", "p"), Host: bus.Addr().String(), Path: "x", RawQuery: "sslmode=disable"}).String()
	})
	h.eventually("bob has left", func() bool { return h.do("GET", "/chats/den", "", bob...).status == 404 })
	stream := h.follow("/chats/lobby/stream", ann...)
	h.say("lobby", "all is well", ann)
	stream.until("all is well")
}
