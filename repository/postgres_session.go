package repository

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"
)

// postgresSession sends a batch of posts in two messages: one that begins, takes
// the lock and loads, one that stores and commits. lib/pq does not pipeline, but a
// text of several statements goes out at once; it takes no arguments, so they are
// written into it as literals, for statements that are prepared on the server.
type postgresSession struct {
	conn *sqlx.Conn
	h    handle
	text []byte // of the message being made, used again and again
}

// postgresBegin: each statement of a text sees what was committed when it began,
// so those behind the lock see what was committed before the lock was had.
const postgresBegin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ` + readHead + ` FOR UPDATE; `

// postgresStatements are prepared once a connection. The chats that parley_store
// raises are all there: their "insertion" is the one way of changing many rows for
// which a planner has no choice but to find each by the index.
var postgresStatements = []string{
	`PREPARE parley_load (text[], text[], text[], text[], bigint[]) AS
	SELECT p.n, ` + factColumns + `
	FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS p (chat, author, session, client_id, reply_to, n)`,

	`PREPARE parley_store (bigint[], text[], bigint[], text[], text[], bigint[], text[], text[], text[],
		text[], bigint[], bigint[], bigint, text, bigint, bigint) AS
	WITH messages AS (
		INSERT INTO messages (id, chat, seq, author, text, reply_to, client_id, post_hash, origin, created_at)
		SELECT *, $16 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
		RETURNING id, chat, seq, created_at
	), events AS (
		INSERT INTO events (pos, kind, chat, seq, at, message)
		SELECT id, 'message', chat, seq, created_at, id FROM messages
	), chats AS (
		INSERT INTO chats (id, seq, head, title, visibility, created_at)
		SELECT *, '', '', 0 FROM unnest($10, $11, $12)
		ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, head = excluded.head, last_message = excluded.head
	), head AS (
		UPDATE head SET pos = $13 WHERE one = 1
	)
	INSERT INTO writers (id, batch, at) VALUES ($14, $15, $16)
	ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`,

	`PREPARE parley_raise (bigint, text, bigint, bigint) AS
	WITH head AS (UPDATE head SET pos = $1 WHERE one = 1)
	INSERT INTO writers (id, batch, at) VALUES ($2, $3, $4)
	ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`,
}

func newPostgresSession(ctx context.Context, conn *sqlx.Conn, h handle) (session, error) {
	for _, text := range postgresStatements {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("preparing a statement: %w", err)
		}
	}
	return &postgresSession{conn: conn, h: h}, nil
}

func (s *postgresSession) begin(ctx context.Context, first []*posting) (head int64, known []facts, err error) {
	s.text = append(s.text[:0], postgresBegin...)
	if len(first) > 0 {
		s.writeLoad(first)
	}
	rows, err := s.conn.QueryContext(ctx, string(s.text))
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, nil, errors.Join(errors.New("the log has no head"), rows.Err())
	}
	if err := rows.Scan(&head); err != nil {
		return 0, nil, err
	}
	if rows.Next() || !rows.NextResultSet() {
		return head, nil, rows.Err()
	}
	known, err = scanFacts(rows, len(first))
	return head, known, err
}

func (s *postgresSession) load(ctx context.Context, posts []*posting) ([]facts, error) {
	s.text = s.text[:0]
	s.writeLoad(posts)
	rows, err := s.conn.QueryContext(ctx, string(s.text))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanFacts(rows, len(posts))
}

func (s *postgresSession) writeLoad(posts []*posting) {
	s.text = append(s.text, `EXECUTE parley_load(`...)
	s.texts(posts, func(p *posting) string { return p.Chat })
	s.texts(posts, func(p *posting) string { return p.actor.Username })
	s.texts(posts, func(p *posting) string { return p.actor.Session })
	s.texts(posts, func(p *posting) string { return p.ClientID })
	s.integers(posts, func(p *posting) int64 { return p.ReplyTo })
	s.end()
}

func (s *postgresSession) store(ctx context.Context, u *unit, posts []*posting, chats map[string]*chatHead, last bool) error {
	s.text = append(s.text[:0], `EXECUTE parley_store(`...)
	s.integers(posts, func(p *posting) int64 { return p.posted.Message.ID })
	s.texts(posts, func(p *posting) string { return p.Chat })
	s.integers(posts, func(p *posting) int64 { return p.posted.Message.Seq })
	s.texts(posts, func(p *posting) string { return p.actor.Username })
	s.texts(posts, func(p *posting) string { return p.Text })
	s.integers(posts, func(p *posting) int64 { return p.ReplyTo })
	s.texts(posts, func(p *posting) string { return p.ClientID })
	s.texts(posts, func(p *posting) string { return p.hash })
	s.texts(posts, func(p *posting) string { return p.Origin })
	ids := make([]string, 0, len(chats))
	for id := range chats {
		ids = append(ids, id)
	}
	array(s, ids, func(b []byte, id string) []byte { return appendElement(b, id) })
	array(s, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, chats[id].seq, 10) })
	array(s, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, chats[id].head, 10) })
	s.writeEnd(u)
	return s.send(ctx, last)
}

func (s *postgresSession) raise(ctx context.Context, u *unit) error {
	s.text = append(s.text[:0], `EXECUTE parley_raise(`...)
	s.writeEnd(u)
	return s.send(ctx, true)
}

func (s *postgresSession) writeEnd(u *unit) {
	s.text = strconv.AppendInt(s.text, u.pos, 10)
	s.text = append(s.text, `, '`+u.writer+`', `...)
	s.text = strconv.AppendInt(s.text, u.batch, 10)
	s.text = append(s.text, ',')
	s.text = strconv.AppendInt(s.text, u.now.UnixMilli(), 10)
	s.text = append(s.text, `)`...)
}

// send runs the text, with a commit behind it if the batch ends there. An error
// that the server itself has answered came before the commit or instead of it.
func (s *postgresSession) send(ctx context.Context, commit bool) error {
	if commit {
		s.text = append(s.text, `; COMMIT`...)
	}
	_, err := s.conn.ExecContext(ctx, string(s.text))
	if commit && lost(err) {
		return commitError{err}
	}
	return err
}

func (s *postgresSession) rollback(ctx context.Context) error {
	_, err := s.conn.ExecContext(ctx, `ROLLBACK`)
	return err
}

func (s *postgresSession) handle() handle { return s.h }

func (s *postgresSession) close() { discard(s.conn) }

func (s *postgresSession) texts(posts []*posting, of func(*posting) string) {
	array(s, posts, func(b []byte, p *posting) []byte {
		if v := of(p); v != "" {
			return appendElement(b, v)
		}
		return append(b, `NULL`...)
	})
}

func (s *postgresSession) integers(posts []*posting, of func(*posting) int64) {
	array(s, posts, func(b []byte, p *posting) []byte {
		if v := of(p); v != 0 {
			return strconv.AppendInt(b, v, 10)
		}
		return append(b, `NULL`...)
	})
}

// end replaces the comma behind the last argument.
func (s *postgresSession) end() { s.text[len(s.text)-1] = ')' }

// array writes an array's literal and a comma.
func array[E any](s *postgresSession, elements []E, element func([]byte, E) []byte) {
	b := append(s.text, '\'', '{')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, e)
	}
	s.text = append(b, '}', '\'', ',')
}

// appendElement appends v as an element of an array inside a literal: within the
// array a quote and a backslash have a backslash before them (PostgreSQL manual
// 8.15.6), within the literal an apostrophe is doubled and, since
// standard_conforming_strings is on, nothing else means anything (4.1.2.1). The
// server refuses invalid UTF-8 before it looks for either.
func appendElement(b []byte, v string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(v) {
		var before byte
		switch v[i] {
		case '"', '\\':
			before = '\\'
		case '\'':
			before = '\''
		default:
			continue
		}
		b = append(append(b, v[from:i]...), before)
		from = i
	}
	return append(append(b, v[from:]...), '"')
}
