package repository

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

// signUp makes users and logs each of them in.
func signUp(t testing.TB, r *Repository, usernames ...string) map[string]chat.Actor {
	t.Helper()
	actors := make(map[string]chat.Actor, len(usernames))
	for _, name := range usernames {
		_, err := r.CreateUser(t.Context(), auth.NewUser{Username: name, DisplayName: "The " + name, PasswordHash: "hash of " + name})
		if err != nil {
			t.Fatalf("signing up %s: %v", name, err)
		}
		actors[name] = logIn(t, r, name)
	}
	return actors
}

// logIn gives a user one more session.
func logIn(t testing.TB, r *Repository, username string) chat.Actor {
	t.Helper()
	s := newSession(username)
	if err := r.CreateSession(t.Context(), s); err != nil {
		t.Fatalf("logging in %s: %v", username, err)
	}
	return chat.Actor{Username: username, Session: s.ID}
}

// DisableUser disables a user.
func (r *Repository) DisableUser(ctx context.Context, username string) error {
	_, err := r.UpdateUser(ctx, operator, username, chat.UserChange{Disabled: &yes})
	return err
}

func newSession(username string) auth.NewSession {
	now := time.Now().Truncate(time.Millisecond).UTC()
	return auth.NewSession{
		Session: auth.Session{ID: rand.Text(), Username: username, CreatedAt: now, SessionTokens: auth.SessionTokens{
			RefreshHash:    []byte("hash 0\x00\xff"),
			RefreshedAt:    now,
			RefreshExpires: now.Add(30 * 24 * time.Hour),
			AccessExpires:  now.Add(10 * time.Minute),
		}},
		PasswordHash: "hash of " + username, UserAgent: "test", Address: "192.0.2.1",
	}
}

// makeChat makes a chat and puts people into it.
func makeChat(t testing.TB, r *Repository, owner chat.Actor, id string, v chat.Visibility, members map[string]chat.Role) {
	t.Helper()
	if _, err := r.CreateChat(t.Context(), owner, chat.NewChat{ID: id, Title: "The " + id, Visibility: v}); err != nil {
		t.Fatalf("making %s: %v", id, err)
	}
	for name, role := range members {
		if _, err := r.PutMember(t.Context(), owner, id, name, role); err != nil {
			t.Fatalf("putting %s into %s: %v", name, id, err)
		}
	}
}

// say posts a message.
func say(t testing.TB, r *Repository, actor chat.Actor, chatID, text string) chat.Message {
	t.Helper()
	posted, err := r.Post(t.Context(), actor, chat.Post{Chat: chatID, Text: text})
	if err != nil {
		t.Fatalf("%s posting to %s: %v", actor.Username, chatID, err)
	}
	return posted.Message
}

// wantRefusal wants err to be a refusal of a kind; nil wants none.
func wantRefusal(t testing.TB, err error, want *chat.Error) {
	t.Helper()
	switch {
	case want == nil && err != nil:
		t.Errorf("got %v, want no error", err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want.Code)
	}
}

// logged is a row of the log as these tests look at it.
type logged struct {
	Pos      int64  `db:"pos"`
	Kind     string `db:"kind"`
	Chat     string `db:"chat"`
	Seq      int64  `db:"seq"`
	Username string `db:"username"`
	Role     string `db:"role"`
	Session  string `db:"session"`
}

// logAfter reads the log behind a position.
func logAfter(t testing.TB, r *Repository, after int64) []logged {
	t.Helper()
	rows, err := read(t.Context(), r, func(ctx context.Context, h handle) (rows []logged, err error) {
		err = h.all(ctx, &rows, `SELECT pos, kind, COALESCE(chat, '') AS chat, COALESCE(seq, 0) AS seq,
			COALESCE(username, '') AS username, COALESCE(role, '') AS role, COALESCE(session, '') AS session
			FROM events WHERE pos > ? ORDER BY pos`, after)
		return rows, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// told is what the log says behind a position, a line a row, without the
// positions.
func told(t testing.TB, r *Repository, after int64) (lines []string) {
	t.Helper()
	for _, row := range logAfter(t, r, after) {
		lines = append(lines, fmt.Sprintf("%s %s/%d %s %s", row.Kind, row.Chat, row.Seq, row.Username, row.Role))
	}
	return lines
}

func wantTold(t testing.TB, r *Repository, after int64, want ...string) {
	t.Helper()
	if got := told(t, r, after); !slices.Equal(got, want) {
		t.Errorf("the log says\n%q, want\n%q", got, want)
	}
}

// headOf reads the position of the newest event.
func headOf(t testing.TB, r *Repository) int64 {
	t.Helper()
	return number(t, r, `SELECT pos FROM head`)
}

// number reads one number.
func number(t testing.TB, r *Repository, query string, args ...any) int64 {
	t.Helper()
	n, err := read(t.Context(), r, func(ctx context.Context, h handle) (n int64, err error) {
		err = h.get(ctx, &n, query, args...)
		return n, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// together runs the functions at the same time and returns their errors.
func together(fs ...func() error) []error {
	errs := make([]error, len(fs))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, f := range fs {
		all.Go(func() {
			<-start
			errs[i] = f()
		})
	}
	close(start)
	all.Wait()
	return errs
}

// count says how many of the errors are a refusal of a kind. Every other error
// fails the test.
func count(t testing.TB, errs []error, want *chat.Error) (refused int) {
	t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, want):
			refused++
		default:
			t.Errorf("got %v, want %v or none", err, want)
		}
	}
	return refused
}

// fill runs a statement of the test's own beside the log.
func fill(t testing.TB, r *Repository, query string, args ...any) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		_, err := (handle{r.pool, r.dialect}).exec(t.Context(), query, args...)
		switch {
		case err == nil:
			return
		case r.dialect == sqliteDialect && r.dialect.away(err) && time.Now().Before(end): // a background job writes
		default:
			t.Fatal(err)
		}
	}
}

// fillChat puts n messages of an author behind the log, as so many posts would.
func fillChat(t testing.TB, r *Repository, chatID, author string, n int64) {
	t.Helper()
	for ; n > 0; n -= 1000 {
		fillSome(t, r, chatID, author, min(n, 1000)) // each statement has its timeout
	}
}

func fillSome(t testing.TB, r *Repository, chatID, author string, n int64) {
	t.Helper()
	fill(t, r, `INSERT INTO messages (id, chat, seq, author, text, created_at)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT h.pos + n.i, c.id, c.seq + n.i, CAST(? AS TEXT), 'text ' || n.i, 0 FROM n, head h, chats c WHERE c.id = ?`, n, author, chatID)
	fill(t, r, `INSERT INTO events (pos, kind, chat, seq, at, message)
		SELECT m.id, 'message', m.chat, m.seq, 0, m.id FROM messages m, head h WHERE m.id > h.pos`)
	fill(t, r, `UPDATE chats SET seq = seq + ?, messages = messages + ?, head = (SELECT pos FROM head) + ?,
		last_message = (SELECT pos FROM head) + ? WHERE id = ?`, n, n, n, n, chatID)
	fill(t, r, `UPDATE head SET pos = pos + ?`, n)
}

// explaining notes the plan of each statement before it runs it.
type explaining struct {
	queryer
	d     *dialect
	plans []string
}

func (e *explaining) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	return errors.Join(e.explain(ctx, query, args...), e.queryer.GetContext(ctx, dest, query, args...))
}

func (e *explaining) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	return errors.Join(e.explain(ctx, query, args...), e.queryer.SelectContext(ctx, dest, query, args...))
}

func (e *explaining) explain(ctx context.Context, query string, args ...any) error {
	explain := `EXPLAIN `
	if e.d == sqliteDialect {
		explain = `EXPLAIN QUERY PLAN `
	}
	rows, err := e.QueryxContext(ctx, explain+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	plan := query + "\n"
	for rows.Next() {
		line, err := rows.SliceScan()
		if err != nil {
			return err
		}
		plan += fmt.Sprintf("\t%s\n", line[len(line)-1])
	}
	e.plans = append(e.plans, plan)
	return rows.Err()
}
