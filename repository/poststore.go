package repository

import (
	"context"
	"slices"
)

// The tables that the statements of posts get as arguments.
var (
	askedColumns  = slices.Concat(textColumns("chat", "author", "session", "client_id"), integerColumns("reply_to"))
	postedColumns = slices.Concat(integerColumns("id"), textColumns("chat"), integerColumns("seq"),
		textColumns("author", "text"), integerColumns("reply_to"), textColumns("client_id", "post_hash", "origin"))
	raisedColumns = slices.Concat(textColumns("id"), integerColumns("seq", "head"))
)

// loadPosts asks, for all posts of a run at once, what each is decided by. Every
// join finds at most one row, by an index.
func loadPosts(source func([]column) string) string {
	return `SELECT p.n,
		CASE WHEN u.username IS NULL THEN 0 ELSE 1 END,
		c.seq,
		CASE WHEN c.visibility = 'public' THEN 1 ELSE 0 END,
		CASE WHEN m.username IS NULL THEN 0 ELSE 1 END,
		k.id, k.post_hash,
		CASE WHEN r.id IS NULL THEN 0 ELSE 1 END
	FROM ` + source(askedColumns) + `
	LEFT JOIN sessions s ON s.id = p.session AND s.username = p.author AND s.ended_pos IS NULL
	LEFT JOIN users u ON u.username = s.username AND u.disabled_pos IS NULL
	LEFT JOIN chats c ON c.id = p.chat AND c.deleted_pos IS NULL
	LEFT JOIN memberships m ON m.chat = p.chat AND m.username = p.author AND m.left_pos IS NULL
	LEFT JOIN messages k ON k.chat = p.chat AND k.author = p.author AND k.client_id = NULLIF(p.client_id, '')
	LEFT JOIN messages r ON r.id = NULLIF(p.reply_to, 0) AND r.chat = p.chat`
}

func insertMessages(from string) string {
	return `INSERT INTO messages (id, chat, seq, author, text, created_at, reply_to, client_id, post_hash, origin)
	SELECT p.id, p.chat, p.seq, p.author, p.text, CAST(? AS bigint),
		NULLIF(p.reply_to, 0), NULLIF(p.client_id, ''), NULLIF(p.post_hash, ''), NULLIF(p.origin, '')
	FROM ` + from
}

func raiseChats(from string) string {
	return `UPDATE chats SET seq = p.seq, head = p.head, last_message = p.head FROM ` + from + ` WHERE chats.id = p.id`
}

const (
	raiseHead   = `UPDATE head SET pos = ? WHERE one = 1`
	raiseWriter = `INSERT INTO writers (id, batch, at) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`
)

// postgresStore is one statement, because each costs a round trip.
var postgresStore = []string{`WITH
	m AS (` + insertMessages(arraySource(postedColumns)) + ` RETURNING id, chat, seq, created_at),
	e AS (INSERT INTO events (pos, kind, chat, seq, at, message) SELECT id, 'message', chat, seq, created_at, id FROM m),
	c AS (` + raiseChats(arraySource(raisedColumns)) + `),
	h AS (` + raiseHead + `)
	` + raiseWriter}

func postgresStoreArgs(u *unit, posted, raised table, _ int) [][]any {
	args := append([]any{u.now.UnixMilli()}, posted.args()...)
	args = append(args, raised.args()...)
	return [][]any{append(args, u.pos, u.writer, u.batch, u.now.UnixMilli())}
}

// sqliteStore is a statement for each table: SQLite knows no changes inside a
// WITH, and a statement costs it next to nothing.
var sqliteStore = []string{
	insertMessages(jsonSource(postedColumns)),
	`INSERT INTO events (pos, kind, chat, seq, at, message)
		SELECT id, 'message', chat, seq, created_at, id FROM messages WHERE id > ? AND id <= ?`,
	raiseChats(jsonSource(raisedColumns)),
	raiseHead,
	raiseWriter,
}

func sqliteStoreArgs(u *unit, posted, raised table, n int) [][]any {
	return [][]any{
		append([]any{u.now.UnixMilli()}, posted.args()...),
		{u.pos - int64(n), u.pos},
		raised.args(),
		{u.pos},
		{u.writer, u.batch, u.now.UnixMilli()},
	}
}

// storePosts stores n posts, which hold the last n positions, raises their chats
// and, with its writer's row, the head.
func (u *unit) storePosts(ctx context.Context, posted, raised table, n int) error {
	for i, args := range u.d.storeArgs(u, posted, raised, n) {
		if _, err := u.session.store[i].ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	u.dirty, u.raised = true, true
	return nil
}

// close raises the head and the writer's row where what the unit did last has
// not done so.
func (u *unit) close(ctx context.Context) error {
	if u.raised {
		return nil
	}
	for i, args := range u.d.raiseArgs(u) {
		if _, err := u.session.raise[i].ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func postgresRaiseArgs(u *unit) [][]any {
	return [][]any{{u.pos, u.writer, u.batch, u.now.UnixMilli()}}
}

func sqliteRaiseArgs(u *unit) [][]any {
	return [][]any{{u.pos}, {u.writer, u.batch, u.now.UnixMilli()}}
}
