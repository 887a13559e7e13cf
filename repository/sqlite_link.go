package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// sqliteLink runs a prepared statement for each row: within the process that
// costs less than to pack many rows into one argument.
type sqliteLink struct {
	conn *sqlx.Conn
	h    handle
	// last is the head as this connection raised it, and version the data's own as it
	// was then; kept says that there is one.
	last    head
	version uint32
	kept    bool

	lock, head, permit, key, reply, message, event, chat, raiseHead, keepWriter, end *sql.Stmt
}

func newSQLiteLink(ctx context.Context, conn *sqlx.Conn, h handle) (link, error) {
	l := &sqliteLink{conn: conn, h: h}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&l.lock, `BEGIN IMMEDIATE`},
		{&l.head, readHead},
		{&l.permit, `SELECT s.ended_pos IS NULL AND u.username IS NOT NULL AND u.disabled_pos IS NULL,
				c.seq, c.visibility IS 'public', m.username IS NOT NULL
			FROM (SELECT ?1 AS chat, ?2 AS author, ?3 AS session) p
			LEFT JOIN sessions s ON s.id = p.session AND s.username = p.author
			LEFT JOIN users u ON u.username = s.username
			LEFT JOIN chats c ON c.id = p.chat AND c.deleted_pos IS NULL
			LEFT JOIN memberships m ON m.chat = p.chat AND m.username = p.author AND m.left_pos IS NULL`},
		{&l.key, `SELECT id, post_hash FROM messages WHERE chat = ? AND author = ? AND client_id = ?`},
		{&l.reply, `SELECT EXISTS (SELECT 1 FROM messages WHERE id = ? AND chat = ?)`},
		{&l.message, `INSERT INTO messages (id, chat, seq, author, text, created_at, reply_to, client_id, post_hash, origin)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&l.event, `INSERT INTO events (pos, kind, chat, seq, at, message) VALUES (?1, 'message', ?2, ?3, ?4, ?1)`},
		{&l.chat, `UPDATE chats SET messages = messages + ?2 - seq, seq = ?2, head = ?3, last_message = ?3 WHERE id = ?1`},
		{&l.raiseHead, raiseHead},
		{&l.keepWriter, keepWriter},
		{&l.end, `COMMIT`},
	} {
		stmt, err := conn.PrepareContext(ctx, p.text)
		if err != nil {
			return nil, fmt.Errorf("preparing a statement: %w", err)
		}
		*p.stmt = stmt
	}
	return l, nil
}

func (l *sqliteLink) begin(ctx context.Context, first []*posting) (at head, known []facts, err error) {
	if _, err := l.lock.ExecContext(ctx); err != nil {
		return at, nil, err
	}
	if at, err = l.readHead(ctx); err != nil {
		return at, nil, err
	}
	known, err = l.load(ctx, first)
	return at, known, err
}

// readHead reads the head behind its lock. While no other connection has changed
// anything it is where this one left it: a twentieth of a lone post is spared.
func (l *sqliteLink) readHead(ctx context.Context) (at head, err error) {
	if l.kept {
		version, err := l.dataVersion()
		if err != nil || version == l.version {
			return l.last, err
		}
	}
	err = l.head.QueryRowContext(ctx).Scan(&at.pos, &at.writer, &at.batch)
	return at, err
}

// keepHead notes the head that this connection has just raised. Without a version it
// is read again.
func (l *sqliteLink) keepHead(raised head) {
	version, err := l.dataVersion()
	l.last, l.version, l.kept = raised, version, err == nil
}

// dataVersion is SQLite's number of what is in the file: another one after a change of
// this connection, and from the first transaction on that sees a change of another one,
// in whatever process
// (https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntldataversion).
func (l *sqliteLink) dataVersion() (version uint32, err error) {
	err = l.conn.Raw(func(conn any) (err error) {
		version, err = conn.(sqlite.FileControl).FileControlDataVersion("main")
		return err
	})
	return version, err
}

func (l *sqliteLink) load(ctx context.Context, posts []*posting) ([]facts, error) {
	known := remembered(posts)
	for i, p := range posts {
		f := &known[i]
		if p.permit == nil {
			row := l.permit.QueryRowContext(ctx, p.Chat, p.actor.Username, p.actor.Session)
			if err := row.Scan(&f.live, &f.seq, &f.public, &f.member); err != nil {
				return nil, err
			}
		}
		if hasKey(p) {
			row := l.key.QueryRowContext(ctx, p.Chat, p.actor.Username, p.ClientID)
			if err := row.Scan(&f.known, &f.hash); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return nil, err
			}
		}
		if isReply(p) {
			if err := l.reply.QueryRowContext(ctx, p.ReplyTo, p.Chat).Scan(&f.replyIsHere); err != nil {
				return nil, err
			}
		}
	}
	return known, nil
}

func (l *sqliteLink) store(ctx context.Context, tx *transaction, posts []*posting, chats map[string]*chatHead, last bool) error {
	now := tx.now.UnixMilli()
	for _, p := range posts {
		m := &p.posted.Message
		if _, err := l.message.ExecContext(ctx, m.ID, m.Chat, m.Seq, m.Author, m.Text, now,
			nullID(m.ReplyTo), nullable(m.ClientID), nullable(p.hash), nullable(p.Origin)); err != nil {
			return err
		}
		if _, err := l.event.ExecContext(ctx, m.ID, m.Chat, m.Seq, now); err != nil {
			return err
		}
	}
	for id, at := range chats {
		if _, err := l.chat.ExecContext(ctx, id, at.seq, at.head); err != nil {
			return err
		}
	}
	if last {
		return l.raise(ctx, tx)
	}
	return nil
}

func (l *sqliteLink) raise(ctx context.Context, tx *transaction) error {
	if tx.other() {
		if _, err := l.keepWriter.ExecContext(ctx, tx.found.writer, tx.found.batch, tx.now.UnixMilli()); err != nil {
			return err
		}
	}
	if _, err := l.raiseHead.ExecContext(ctx, tx.pos, tx.writer, tx.batch); err != nil {
		return err
	}
	if _, err := l.end.ExecContext(ctx); err != nil {
		return commitError{err}
	}
	l.keepHead(tx.raised())
	return nil
}

// rollback is content where SQLite has rolled back by itself, as it does when the
// disk is full; then there is no transaction, and one can be begun.
func (l *sqliteLink) rollback(ctx context.Context) error {
	_, err := l.conn.ExecContext(ctx, `ROLLBACK`)
	if err != nil {
		_, err = l.conn.ExecContext(ctx, `BEGIN; ROLLBACK`)
	}
	return err
}

func (l *sqliteLink) handle() handle { return l.h }

func (l *sqliteLink) close() { discard(l.conn) }

func nullID(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }
