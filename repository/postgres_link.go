package repository

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// postgresLink sends a batch of posts in two messages: one that begins, takes the lock
// and loads, one that stores and commits; and what was put off in one. lib/pq does not
// pipeline, but a text of several statements goes out at once; it takes no arguments, so
// they are written into it as literals, for statements that are prepared on the server.
type postgresLink struct {
	conn *sqlx.Conn
	h    handle
	text []byte // of the message being made, used again and again
}

// postgresBegin: each statement of a text sees what was committed when it began,
// so those behind the lock see what was committed before the lock was had.
const postgresBegin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; `

// postgresStatements are prepared once a connection. They look things up by
// LATERAL with a LIMIT, because into that a planner cannot reach: of an ordinary
// join it thinks that reading an index from end to end is cheap, as long as it
// believes the table to be small. They are many and small: one large statement was
// measured to cost the server several times as much, most likely because an
// executor that needs more than 128 kB has the C library ask the system for the
// memory each time anew. A batch of a single post has a statement for each of its
// two messages, because without arrays they stay small, and then each that is
// spared is a gain.
var postgresStatements = []string{
	`PREPARE parley_permit (text, text, text) AS
	SELECT 1, COALESCE((SELECT ended_pos IS NULL FROM sessions WHERE id = $3 AND username = $2)
			AND (SELECT disabled_pos IS NULL FROM users WHERE username = $2), false),
		c.seq, COALESCE(c.visibility = 'public', false),
		EXISTS (SELECT FROM memberships WHERE chat = $1 AND username = $2 AND left_pos IS NULL)
	FROM (SELECT) one LEFT JOIN chats c ON c.id = $1 AND c.deleted_pos IS NULL`,

	`PREPARE parley_post (bigint, text, bigint, text, text, bigint, text, text, text, bigint, text, bigint) AS
	WITH message AS (INSERT INTO messages (id, chat, seq, author, text, reply_to, client_id, post_hash, origin, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)),
		event AS (INSERT INTO events (pos, message, chat, seq, kind, at) VALUES ($1, $1, $2, $3, 'message', $10)),
		chat AS (UPDATE chats SET messages = messages + 1, seq = $3, head = $1, last_message = $1 WHERE id = $2)
	UPDATE head SET pos = $1, writer = $11, batch = $12 WHERE one = 1`,

	`PREPARE parley_actors (text[], text[]) AS
	SELECT p.n, s.live AND u.live
	FROM unnest($1, $2) WITH ORDINALITY AS p (author, session, n)
	CROSS JOIN LATERAL (SELECT ended_pos IS NULL AS live FROM sessions WHERE id = p.session AND username = p.author LIMIT 1) s
	CROSS JOIN LATERAL (SELECT disabled_pos IS NULL AS live FROM users WHERE username = p.author LIMIT 1) u`,

	`PREPARE parley_places (text[], text[]) AS
	SELECT p.n, c.seq, c.visibility = 'public', m.present IS NOT NULL
	FROM unnest($1, $2) WITH ORDINALITY AS p (chat, author, n)
	CROSS JOIN LATERAL (SELECT seq, visibility FROM chats WHERE id = p.chat AND deleted_pos IS NULL LIMIT 1) c
	LEFT JOIN LATERAL (SELECT true AS present FROM memberships
		WHERE chat = p.chat AND username = p.author AND left_pos IS NULL LIMIT 1) m ON true`,

	`PREPARE parley_keys (text[], text[], text[]) AS
	SELECT p.n, k.id, k.post_hash
	FROM unnest($1, $2, $3) WITH ORDINALITY AS p (chat, author, client_id, n)
	CROSS JOIN LATERAL (SELECT id, post_hash FROM messages
		WHERE chat = p.chat AND author = p.author AND client_id = p.client_id LIMIT 1) k`,

	`PREPARE parley_replies (text[], bigint[]) AS
	SELECT p.n, r.chat = p.chat
	FROM unnest($1, $2) WITH ORDINALITY AS p (chat, reply_to, n)
	CROSS JOIN LATERAL (SELECT chat FROM messages WHERE id = p.reply_to LIMIT 1) r`,

	`PREPARE parley_messages (bigint[], text[], bigint[], text[], text[], bigint[], text[], text[], text[], bigint) AS
	WITH p AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
			AS p (id, chat, seq, author, text, reply_to, client_id, post_hash, origin)),
		message AS (INSERT INTO messages (id, chat, seq, author, text, reply_to, client_id, post_hash, origin, created_at)
			SELECT *, $10 FROM p)
	INSERT INTO events (pos, message, chat, seq, kind, at) SELECT id, id, chat, seq, 'message', $10 FROM p`,

	// The chats are all there: their "insertion" is the one way of changing many
	// rows for which a planner has no choice but to find each by the index.
	`PREPARE parley_chats (text[], bigint[], bigint[]) AS
	INSERT INTO chats (id, seq, head, title, visibility, created_at)
	SELECT *, '', '', 0 FROM unnest($1, $2, $3)
	ON CONFLICT (id) DO UPDATE SET messages = chats.messages + excluded.seq - chats.seq,
		seq = excluded.seq, head = excluded.head, last_message = excluded.head`,

	`PREPARE parley_lock AS ` + readHead + ` FOR UPDATE`,

	// Divides by zero if the head, of which there is always a row, is another one: a text
	// has no other way to go on only under a condition. Where the row was changed while its
	// lock was waited for, it is looked at again (PostgreSQL manual 13.2.1).
	`PREPARE parley_expect (bigint, text, bigint) AS
	SELECT 1 / CASE WHEN pos = $1 AND writer = $2 AND batch = $3 THEN 1 ELSE 0 END FROM head WHERE one = 1 FOR UPDATE`,

	`PREPARE parley_head (bigint, text, bigint) AS UPDATE head SET pos = $1, writer = $2, batch = $3 WHERE one = 1`,

	`PREPARE parley_writer (text, bigint, bigint) AS
	INSERT INTO writers (id, batch, at) VALUES ($1, $2, $3)
	ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`,
}

func newPostgresLink(ctx context.Context, conn *sqlx.Conn, h handle) (link, error) {
	for _, text := range postgresStatements {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("preparing a statement: %w", err)
		}
	}
	return &postgresLink{conn: conn, h: h}, nil
}

func (l *postgresLink) begin(ctx context.Context, first []*posting) (at head, known []facts, err error) {
	l.text = append(append(l.text[:0], postgresBegin...), `EXECUTE parley_lock; `...)
	began := len(l.text)
	l.writeLoad(first)
	asked := len(l.text) > began
	rows, err := l.conn.QueryContext(ctx, string(l.text))
	if err != nil {
		return at, nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return at, nil, errors.Join(errors.New("the log has no head"), rows.Err())
	}
	if err := rows.Scan(&at.pos, &at.writer, &at.batch); err != nil {
		return at, nil, err
	}
	if rows.Next() || asked && !rows.NextResultSet() {
		return at, nil, rows.Err()
	}
	known, err = scanFacts(rows, first)
	return at, known, err
}

func (l *postgresLink) load(ctx context.Context, posts []*posting) ([]facts, error) {
	l.text = l.text[:0]
	l.writeLoad(posts)
	if len(l.text) == 0 {
		return scanFacts(nil, posts)
	}
	rows, err := l.conn.QueryContext(ctx, string(l.text))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanFacts(rows, posts)
}

func chatOf(p *posting) string     { return p.Chat }
func authorOf(p *posting) string   { return p.actor.Username }
func sessionOf(p *posting) string  { return p.actor.Session }
func clientIDOf(p *posting) string { return p.ClientID }
func replyToOf(p *posting) int64   { return p.ReplyTo }

// writeLoad asks only for what there is to ask of the posts: most permits are
// remembered, many have no key, and most reply to nothing.
func (l *postgresLink) writeLoad(posts []*posting) {
	switch unknown := unpermitted(posts); len(unknown) {
	case 0:
	case 1:
		l.open(`parley_permit`)
		l.literal(unknown[0].Chat)
		l.literal(unknown[0].actor.Username)
		l.literal(unknown[0].actor.Session)
		l.end()
	default:
		l.open(`parley_actors`)
		l.texts(unknown, authorOf)
		l.texts(unknown, sessionOf)
		l.end()
		l.open(`parley_places`)
		l.texts(unknown, chatOf)
		l.texts(unknown, authorOf)
		l.end()
	}
	if slices.ContainsFunc(posts, hasKey) {
		l.open(`parley_keys`)
		l.texts(posts, chatOf)
		l.texts(posts, authorOf)
		l.texts(posts, clientIDOf)
		l.end()
	}
	if slices.ContainsFunc(posts, isReply) {
		l.open(`parley_replies`)
		l.texts(posts, chatOf)
		l.integers(posts, replyToOf)
		l.end()
	}
}

// scanFacts reads the answers to writeLoad, of which rows holds the first. Each
// row begins with the number of the post that it is about among those it was asked
// of, 1 and up; what was not found has none.
func scanFacts(rows *sql.Rows, posts []*posting) ([]facts, error) {
	known := remembered(posts)
	var all, unknown []*facts
	for i, p := range posts {
		all = append(all, &known[i])
		if p.permit == nil {
			unknown = append(unknown, &known[i])
		}
	}
	var f facts
	answers := []struct {
		asked  bool
		of     []*facts
		fields []any
		keep   func(to *facts)
	}{
		{len(unknown) == 1, unknown, []any{&f.live, &f.seq, &f.public, &f.member}, func(to *facts) { to.permit = f.permit }},
		{len(unknown) > 1, unknown, []any{&f.live}, func(to *facts) { to.live = f.live }},
		{len(unknown) > 1, unknown, []any{&f.seq, &f.public, &f.member}, func(to *facts) { to.seq, to.public, to.member = f.seq, f.public, f.member }},
		{slices.ContainsFunc(posts, hasKey), all, []any{&f.known, &f.hash}, func(to *facts) { to.known, to.hash = f.known, f.hash }},
		{slices.ContainsFunc(posts, isReply), all, []any{&f.replyIsHere}, func(to *facts) { to.replyIsHere = f.replyIsHere }},
	}
	first := true
	for _, answer := range answers {
		if !answer.asked {
			continue
		}
		if !first && !rows.NextResultSet() {
			return nil, cmp.Or(rows.Err(), errors.New("the server left out an answer"))
		}
		first = false
		var n int
		into := append([]any{&n}, answer.fields...)
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			answer.keep(answer.of[n-1])
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (l *postgresLink) store(ctx context.Context, tx *transaction, posts []*posting, chats map[string]*chatHead, last bool) error {
	l.text = l.text[:0]
	if tx.putOff {
		l.writeBegin(tx.found)
	}
	if last && len(posts) == 1 {
		l.writePost(tx, posts[0])
		return l.send(ctx, tx, true)
	}
	idOf := func(p *posting) int64 { return p.posted.Message.ID }
	seqOf := func(p *posting) int64 { return p.posted.Message.Seq }
	l.open(`parley_messages`)
	l.integers(posts, idOf)
	l.texts(posts, chatOf)
	l.integers(posts, seqOf)
	l.texts(posts, authorOf)
	l.texts(posts, func(p *posting) string { return p.Text })
	l.integers(posts, replyToOf)
	l.texts(posts, clientIDOf)
	l.texts(posts, func(p *posting) string { return p.hash })
	l.texts(posts, func(p *posting) string { return p.Origin })
	l.integer(tx.now.UnixMilli())
	l.end()
	ids := slices.Collect(maps.Keys(chats))
	l.open(`parley_chats`)
	array(l, ids, appendElement)
	array(l, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, chats[id].seq, 10) })
	array(l, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, chats[id].head, 10) })
	l.end()
	if last {
		l.writeRaise(tx)
	}
	return l.send(ctx, tx, last)
}

// writeBegin begins what was put off, if the head is where it is expected.
func (l *postgresLink) writeBegin(expected head) {
	l.text = append(l.text, postgresBegin...)
	l.open(`parley_expect`)
	l.integer(expected.pos)
	l.literal(expected.writer)
	l.integer(expected.batch)
	l.end()
}

// writePost stores the post with which a batch ends, and raises the head to it.
func (l *postgresLink) writePost(tx *transaction, p *posting) {
	l.writeOther(tx)
	m := &p.posted.Message
	l.open(`parley_post`)
	l.integer(m.ID)
	l.literal(m.Chat)
	l.integer(m.Seq)
	l.literal(m.Author)
	l.literal(m.Text)
	l.reference(m.ReplyTo)
	l.literal(m.ClientID)
	l.literal(p.hash)
	l.literal(p.Origin)
	l.integer(tx.now.UnixMilli())
	l.literal(tx.writer)
	l.integer(tx.batch)
	l.end()
}

func (l *postgresLink) raise(ctx context.Context, tx *transaction) error {
	l.text = l.text[:0]
	l.writeRaise(tx)
	return l.send(ctx, tx, true)
}

func (l *postgresLink) writeRaise(tx *transaction) {
	l.writeOther(tx)
	l.open(`parley_head`)
	l.integer(tx.pos)
	l.literal(tx.writer)
	l.integer(tx.batch)
	l.end()
}

func (l *postgresLink) writeOther(tx *transaction) {
	if tx.other() {
		l.open(`parley_writer`)
		l.literal(tx.found.writer)
		l.integer(tx.found.batch)
		l.integer(tx.now.UnixMilli())
		l.end()
	}
}

// send runs the text, with a commit behind it if the batch ends there. An error
// that the server itself has answered came before the commit or instead of it.
func (l *postgresLink) send(ctx context.Context, tx *transaction, commit bool) error {
	if commit {
		l.text = append(l.text, `COMMIT`...)
	}
	_, err := l.conn.ExecContext(ctx, string(l.text))
	var refused *pq.Error
	switch answered := errors.As(err, &refused); {
	case err != nil && commit && !answered:
		return commitError{err}
	case tx.putOff && answered && refused.Code == divisionByZero:
		return movedError{err}
	}
	return err
}

// divisionByZero is what parley_expect refuses with (PostgreSQL manual, appendix A).
const divisionByZero = "22012"

func (l *postgresLink) rollback(ctx context.Context) error {
	_, err := l.conn.ExecContext(ctx, `ROLLBACK`)
	return err
}

func (l *postgresLink) handle() handle { return l.h }

func (l *postgresLink) close() { discard(l.conn) }

func (l *postgresLink) texts(posts []*posting, of func(*posting) string) {
	array(l, posts, func(b []byte, p *posting) []byte {
		if v := of(p); v != "" {
			return appendElement(b, v)
		}
		return append(b, `NULL`...)
	})
}

func (l *postgresLink) integers(posts []*posting, of func(*posting) int64) {
	array(l, posts, func(b []byte, p *posting) []byte {
		if v := of(p); v != 0 {
			return strconv.AppendInt(b, v, 10)
		}
		return append(b, `NULL`...)
	})
}

func (l *postgresLink) integer(v int64) {
	l.text = append(strconv.AppendInt(l.text, v, 10), ',')
}

// reference writes a message's id, or that there is none.
func (l *postgresLink) reference(id int64) {
	if id == 0 {
		l.text = append(l.text, `NULL,`...)
		return
	}
	l.integer(id)
}

// literal writes a text, or that there is none. Within it an apostrophe is doubled
// and, since standard_conforming_strings is on, nothing else means anything
// (PostgreSQL manual 4.1.2.1).
func (l *postgresLink) literal(v string) {
	if v == "" {
		l.text = append(l.text, `NULL,`...)
		return
	}
	l.text = append(l.text, '\'')
	for part := range strings.SplitAfterSeq(v, `'`) {
		l.text = append(l.text, part...)
		if strings.HasSuffix(part, `'`) {
			l.text = append(l.text, '\'')
		}
	}
	l.text = append(l.text, '\'', ',')
}

// open begins the call of a prepared statement, whose arguments each have a comma
// behind them.
func (l *postgresLink) open(statement string) {
	l.text = append(append(append(l.text, `EXECUTE `...), statement...), '(')
}

// end ends it.
func (l *postgresLink) end() {
	l.text = append(l.text[:len(l.text)-1], `); `...)
}

// array writes an array's literal and a comma.
func array[E any](l *postgresLink, elements []E, element func([]byte, E) []byte) {
	b := append(l.text, '\'', '{')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, e)
	}
	l.text = append(b, '}', '\'', ',')
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
