package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"parley/chat"
	"parley/repository/commitlog"
	"parley/repository/posts"
)

// Conn implements [posts.Conn]. It runs a prepared statement for each row: within the
// process that costs less than to pack many rows into one argument.
type Conn struct {
	*sqlx.Conn
	guard *Guard
	// last is the head as this connection raised it, and version the data's own as it was
	// then; kept says that there is one.
	last    commitlog.Head
	version uint32
	kept    bool
	// prepared are the statements below. database/sql does not close those of a connection,
	// and SQLite keeps a closed connection open, and with it the write-ahead log, for as long
	// as a statement of it is.
	prepared []*sql.Stmt

	lock, head, permission, key, reply, message, event, chat, raiseHead, keepWriter, commit *sql.Stmt

	changed, text, went, came, bared *sql.Stmt
}

var _ posts.Conn = (*Conn)(nil)

// Connect opens a log's connection. It refuses a file that would not keep what it has
// committed.
func Connect(ctx context.Context, writing *sqlx.DB, guard *Guard) (*Conn, error) {
	conn, err := writing.Connx(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: conn, guard: guard}
	err = c.prepare(ctx)
	if err == nil {
		err = guard.watch()
	}
	if err != nil {
		guard.Note(err)
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) prepare(ctx context.Context) error {
	if err := Durable(ctx, c.Conn); err != nil {
		return err
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&c.lock, `BEGIN IMMEDIATE`},
		{&c.head, `SELECT pos, writer, batch FROM head WHERE one = 1`},
		{&c.permission, `SELECT EXISTS (SELECT 1 FROM sessions s WHERE s.id = p.session AND s.username = p.author AND ` + posts.LiveSession + `),
				c.seq, COALESCE(c.visibility, ''), COALESCE(m.role, '')
			FROM (SELECT ?1 AS chat, ?2 AS author, ?3 AS session) p
			LEFT JOIN chats c ON c.id = p.chat AND c.deleted_pos IS NULL
			LEFT JOIN memberships m ON m.chat = p.chat AND m.username = p.author AND m.left_pos IS NULL`},
		{&c.key, `SELECT m.post_hash, ` + posts.MessageColumns + ` FROM messages m
			WHERE m.chat = ? AND m.author = ? AND m.client_id = ?`},
		{&c.reply, `SELECT EXISTS (SELECT 1 FROM messages WHERE id = ? AND chat = ?)`},
		{&c.message, `INSERT INTO messages (id, chat, seq, author, text, created_at, reply_to, client_id, post_hash, origin)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&c.event, `INSERT INTO events (pos, kind, chat, seq, at, message) VALUES (?, ?, ?, ?, ?, ?)`},
		{&c.chat, `UPDATE chats SET seq = ?, head = ?, messages = messages + ?, last_message = COALESCE(?, last_message) WHERE id = ?`},
		{&c.changed, `SELECT CASE WHEN m.reactions IS NOT NULL THEN
					(SELECT json_group_array(emoji) FROM reactions WHERE message = m.id AND username = ?2) END,
				CASE WHEN ?3 IS NOT NULL THEN (SELECT json_group_array(username) FROM (SELECT username FROM reactions
					WHERE message = m.id AND emoji = ?3 ORDER BY pos LIMIT ?4)) END, ` + posts.MessageColumns + `
			FROM messages m WHERE m.id = ?1`},
		{&c.text, `UPDATE messages SET text = ?, edited_at = ?, deleted = ?, changed_pos = ?, reactions = ? WHERE id = ?`},
		{&c.went, `DELETE FROM reactions WHERE message = ? AND username = ? AND emoji = ?`},
		{&c.came, `INSERT INTO reactions (message, username, emoji, pos) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.bared, `INSERT INTO endings (kind, id) VALUES ('message', ?) ON CONFLICT DO NOTHING`},
		{&c.raiseHead, `UPDATE head SET pos = ?, writer = ?, batch = ? WHERE one = 1`},
		{&c.keepWriter, `INSERT INTO writers (id, batch, at) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`},
		{&c.commit, `COMMIT`},
	} {
		stmt, err := c.PrepareContext(ctx, p.text)
		if err != nil {
			return fmt.Errorf("preparing a statement: %w", err)
		}
		*p.stmt = stmt
		c.prepared = append(c.prepared, stmt)
	}
	return nil
}

// Close implements [commitlog.Conn]. The connection does not go back to its pool.
func (c *Conn) Close() {
	_, _ = c.ExecContext(context.Background(), `ROLLBACK`)
	for _, stmt := range c.prepared {
		_ = stmt.Close()
	}
	discard(c.Conn)
}

// discard ends a connection instead of giving it back to its pool.
func discard(c *sqlx.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.Close()
}

// Current implements [commitlog.Conn].
func (*Conn) Current() bool { return true }

// Remote implements [posts.Conn].
func (*Conn) Remote() bool { return false }

// Outcome implements [commitlog.Conn].
func (c *Conn) Outcome(err error) commitlog.Outcome {
	c.guard.Note(err)
	return Outcome(err)
}

// Begin implements [commitlog.Conn].
func (c *Conn) Begin(ctx context.Context) (at commitlog.Head, err error) {
	if err := c.guard.refuses(); err != nil {
		return at, err
	}
	if _, err := c.lock.ExecContext(ctx); err != nil {
		return at, err
	}
	return c.readHead(ctx)
}

// BeginWith implements [posts.Conn]. It leaves the events out: it is rare that another
// process writes.
func (c *Conn) BeginWith(ctx context.Context, entries []*posts.Entry, _ int64) (commitlog.Head, []posts.Event, error) {
	at, err := c.Begin(ctx)
	if err == nil {
		err = c.Load(ctx, entries)
	}
	return at, nil, err
}

// readHead reads the head behind its lock. While no other connection has changed
// anything the head is where this one left it: a twentieth of a lone post is spared.
func (c *Conn) readHead(ctx context.Context) (at commitlog.Head, err error) {
	if c.kept {
		version, err := c.dataVersion()
		if err != nil || version == c.version {
			return c.last, err
		}
	}
	err = c.head.QueryRowContext(ctx).Scan(&at.Pos, &at.Writer, &at.Batch)
	return at, err
}

// keepHead notes the head that this connection has just raised. Without a version it
// is read again.
func (c *Conn) keepHead(raised commitlog.Head) {
	version, err := c.dataVersion()
	c.last, c.version, c.kept = raised, version, err == nil
}

// dataVersion is SQLite's number of what is in the file: another one after a change of
// this connection, and from the first transaction on that sees a change of another one,
// in whatever process
// (https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntldataversion).
func (c *Conn) dataVersion() (version uint32, err error) {
	err = c.Raw(func(conn any) (err error) {
		version, err = conn.(sqlite.FileControl).FileControlDataVersion("main")
		return err
	})
	return version, err
}

// Load implements [posts.Conn].
func (c *Conn) Load(ctx context.Context, entries []*posts.Entry) error {
	first := posts.FirstUsers(entries)
	for _, e := range entries {
		if !e.Facts.Cached {
			var seq sql.NullInt64
			p := &e.Facts.Permission
			row := c.permission.QueryRowContext(ctx, e.Chat, e.Actor.Username, e.Actor.Session)
			if err := row.Scan(&p.Live, &seq, &p.Visibility, &p.Role); err != nil {
				return err
			}
			p.Exists, p.Seq = seq.Valid, seq.Int64
		}
		if e.AsksKey() {
			if err := c.loadStored(ctx, e); err != nil {
				return err
			}
		}
		if e.IsReply() {
			if err := c.reply.QueryRowContext(ctx, e.ReplyTo, e.Chat).Scan(&e.Facts.ReplyIsHere); err != nil {
				return err
			}
		}
		if e.AsksChanged() {
			if err := c.loadChanged(ctx, e, first); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Conn) loadStored(ctx context.Context, e *posts.Entry) error {
	var hash sql.NullString
	var stored posts.MessageRow
	err := c.key.QueryRowContext(ctx, e.Chat, e.Actor.Username, e.ClientID).Scan(append([]any{&hash}, stored.Fields()...)...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil:
		e.Repeats(stored.Message(), hash.String)
	}
	return err
}

// Store implements [posts.Conn].
func (c *Conn) Store(ctx context.Context, tx *commitlog.Tx, s *posts.Stored) (commitlog.Outcome, error) {
	now := tx.Began.UnixMilli()
	for _, e := range s.Messages {
		m := &e.Posted.Message
		if _, err := c.message.ExecContext(ctx, m.ID, m.Chat, m.Seq, m.Author, m.Text, now,
			nullID(m.ReplyTo), nullText(m.ClientID), nullText(e.Hash), nullText(e.Origin)); err != nil {
			if isUnique(err) && posts.BelievesKeys(s.Messages) {
				return commitlog.Repeated, err
			}
			return c.Outcome(err), err
		}
		if _, err := c.event.ExecContext(ctx, m.ID, string(chat.KindMessage), m.Chat, m.Seq, now, m.ID); err != nil {
			return c.Outcome(err), err
		}
	}
	if err := c.storeChanges(ctx, s, now); err != nil {
		return c.Outcome(err), err
	}
	for id, at := range s.Places {
		if _, err := c.chat.ExecContext(ctx, at.Seq, at.Head, at.Messages, nullID(at.LastMessage), id); err != nil {
			return c.Outcome(err), err
		}
	}
	return c.Raise(ctx, tx)
}

// Raise implements [commitlog.Conn].
func (c *Conn) Raise(ctx context.Context, tx *commitlog.Tx) (commitlog.Outcome, error) {
	if tx.Displaces() {
		if _, err := c.keepWriter.ExecContext(ctx, tx.Found.Writer, tx.Found.Batch, tx.Began.UnixMilli()); err != nil {
			return c.Outcome(err), err
		}
	}
	if _, err := c.raiseHead.ExecContext(ctx, tx.Pos, tx.Writer, tx.Batch); err != nil {
		return c.Outcome(err), err
	}
	if _, err := c.commit.ExecContext(ctx); err != nil {
		return commitlog.Unknown, err
	}
	c.keepHead(tx.Raised())
	if err := c.guard.Check(); err != nil { // it is on the disk, but not under its name
		return commitlog.Unavailable, err
	}
	return commitlog.Committed, nil
}

// LastBatch implements [commitlog.Conn].
func (c *Conn) LastBatch(ctx context.Context, writer string) (batch int64, err error) {
	err = c.GetContext(ctx, &batch, `SELECT batch FROM writers WHERE id = ?`, writer)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return batch, err
}

// Rollback implements [commitlog.Conn]. SQLite has rolled back by itself when the disk
// is full, for example; then there is no transaction, and one can be begun.
func (c *Conn) Rollback(ctx context.Context) error {
	_, err := c.ExecContext(ctx, `ROLLBACK`)
	if err != nil {
		_, err = c.ExecContext(ctx, `BEGIN; ROLLBACK`)
	}
	return err
}

func nullID(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

func nullText(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
