package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jmoiron/sqlx"
)

const (
	// heldSessions and heldTokens are in the full database beside those of the people.
	heldSessions = 100_000
	heldTokens   = 10_000
	heldUsers    = 2_000
	// wantedFull is within how many times the time of a fresh database everything is to be
	// answered in a full one.
	wantedFull = 1.2
	// sessionClients is by how many clients it is asked.
	sessionClients = 8
)

// fullOfSessions compares a service that keeps many sessions and script tokens with a fresh
// one.
func fullOfSessions(engines []*engine, scale scale) section {
	s := section{
		title:   fmt.Sprintf("%d sessions and %d script tokens in the database, beside a fresh one", heldSessions, heldTokens),
		columns: []string{"database", "request", "fresh p50", "full p50", "times", "wanted", "met"},
	}
	for _, e := range engines {
		s.groups = append(s.groups, sessionsGroup(e, scale))
	}
	return s
}

func sessionsGroup(e *engine, scale scale) group {
	var databases []*database
	var servers []*child
	of := scale.posters
	g := group{
		name:  "sessions/" + e.name,
		lasts: 4 * scale.seeding,
		open: func(ctx context.Context) error {
			for _, full := range []bool{false, true} {
				db, err := e.newDatabase(ctx, of)
				if err != nil {
					return err
				}
				databases = append(databases, db)
				if full {
					if err := db.holdSessions(ctx, scale.fewer); err != nil {
						return err
					}
				}
				server, err := serve(ctx, db)
				if err != nil {
					return err
				}
				servers = append(servers, server)
			}
			return nil
		},
		close: func() (err error) {
			for _, server := range servers {
				err = errors.Join(err, server.stop())
			}
			for _, db := range databases {
				err = errors.Join(err, db.drop())
			}
			return err
		},
	}
	asked := []struct {
		name    string
		request func(token string) []byte
	}{
		{"POST /messages", func(token string) []byte {
			return change("POST", "/chats/"+chatID(1)+"/messages", `{"text":"`+text+`"}`, token)
		}},
		{"GET /me", func(token string) []byte { return get("/me", token) }},
		{"GET /me/sessions", func(token string) []byte { return get("/me/sessions", token) }},
		{"GET /me/tokens", func(token string) []byte { return get("/me/tokens", token) }},
		{"POST /stream-tickets", func(token string) []byte { return change("POST", "/stream-tickets", `{}`, token) }},
		{"POST /login", func(string) []byte {
			return change("POST", "/login", fmt.Sprintf(`{"username":%q,"password":%q}`, username(1), password), "")
		}},
	}
	for _, a := range asked {
		l := scale.load(sessionClients)
		g.cells = append(g.cells, cell{
			name:  a.name,
			lasts: l.rounds(scale.turns, 2),
			measure: func(ctx context.Context) ([]string, error) {
				var operations []operation
				for _, server := range servers {
					token, err := server.logIn(ctx, username(1))
					if err != nil {
						return nil, err
					}
					conns, err := dialAll(ctx, server.address, sessionClients)
					if err != nil {
						return nil, err
					}
					defer hangUp(conns)
					requests := make([][]byte, sessionClients)
					for i := range requests {
						requests[i] = a.request(token)
					}
					operations = append(operations, func(_ context.Context, client, _ int) error {
						_, err := conns[client].ask(requests[client], http.StatusOK, http.StatusCreated)
						return err
					})
				}
				all, err := l.compare(ctx, scale.turns, operations...)
				if err != nil {
					return nil, err
				}
				fresh, full := all[0].took(0.5), all[1].took(0.5)
				times := float64(full) / float64(fresh)
				return []string{e.name, a.name, milliseconds(fresh), milliseconds(full), fmt.Sprintf("%.2f", times),
					fmt.Sprintf("≤ %.1f", wantedFull), met(times <= wantedFull)}, nil
			},
		})
	}
	return g
}

// change is a request with a body of JSON.
func change(method, path, body, token string) []byte {
	authorization := ""
	if token != "" {
		authorization = "Authorization: Bearer " + token + "\r\n"
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s",
		method, path, len(body), authorization, body)
}

// holdSessions fills a database with sessions and script tokens that go on.
func (db *database) holdSessions(ctx context.Context, fewer int) error {
	pool, err := db.engine.connect(db.address)
	if err != nil {
		return err
	}
	defer pool.Close()
	return insertSessions(ctx, pool, fewer)
}

func insertSessions(ctx context.Context, pool *sqlx.DB, fewer int) error {
	numbers := func(n int) string {
		return fmt.Sprintf(`WITH RECURSIVE p(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM p WHERE n < %d)`, n/fewer)
	}
	hash := `sha256(CAST('t' || n AS bytea))`
	empty := `'\x00'::bytea`
	if pool.DriverName() == "sqlite" {
		hash, empty = `CAST('t' || n AS BLOB)`, `X'00'`
	}
	const columns = ` (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at`
	for _, statement := range []string{
		`INSERT INTO users (username, display_name, password_hash, created_at) ` + numbers(heldUsers) +
			` SELECT 'held-' || n, 'Held', 'none', {now} FROM p`,
		`INSERT INTO sessions` + columns + `) ` + numbers(heldSessions) +
			` SELECT 'held-' || n, 'held-' || (n % {users} + 1), {now}, {never}, {empty}, 0, {now}, {never} FROM p`,
		`INSERT INTO sessions` + columns + `, kind, name, scopes, token_hash) ` + numbers(heldTokens) +
			` SELECT 'token-' || n, 'held-' || (n % {users} + 1), {now}, {never}, {empty}, 0, 0, {never}, 'token', 'held', 'read', {hash} FROM p`,
	} {
		statement = strings.NewReplacer("{now}", fmt.Sprint(now), "{never}", fmt.Sprint(never), "{empty}", empty,
			"{hash}", hash, "{users}", fmt.Sprint(heldUsers/fewer)).Replace(statement)
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("filling with sessions: %w", err)
		}
	}
	return nil
}
