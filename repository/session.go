package repository

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/jmoiron/sqlx"
)

// session is the writer's connection and what a batch does on it. Each database
// has one of its own, because what is cheap differs: on PostgreSQL it is a round
// trip that costs, on SQLite a statement's work.
type session interface {
	// begin opens a transaction, takes the head's lock in it and reads the head.
	// From then on nobody else writes, and what is read has its final state. If the
	// batch begins with posts, it also loads what they are decided by.
	begin(ctx context.Context, first []*posting) (head int64, known []facts, err error)
	// load reads what each of the posts is decided by.
	load(ctx context.Context, posts []*posting) ([]facts, error)
	// store writes posts, which hold the unit's last positions, and raises their
	// chats, the head and the writer's row. If it is the batch's last step it commits.
	store(ctx context.Context, u *unit, posts []*posting, chats map[string]*chatHead, last bool) error
	// raise raises the head and the writer's row, and commits.
	raise(ctx context.Context, u *unit) error
	// rollback undoes the transaction.
	rollback(ctx context.Context) error
	handle() handle
	// close ends the connection; a transaction that is open is undone by it.
	close()
}

// commitError is an error of a commit: whether it took place is not known.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// facts is what the database knows of a post.
type facts struct {
	live        bool
	seq         sql.NullInt64 // of the chat; NULL where there is none, or no more
	public      bool
	member      bool
	known       sql.NullInt64 // id of the message with the post's key
	hash        sql.NullString
	replyIsHere bool
}

// factColumns finds the facts of the post p, each by one row of an index. They are
// no joins, because a planner may join by reading an index from end to end, and
// does so as long as it believes a table to be small; what stands in a subquery of
// its own it can only look up.
const factColumns = `
	CASE WHEN (SELECT s.ended_pos IS NULL FROM sessions s WHERE s.id = p.session AND s.username = p.author)
		AND (SELECT u.disabled_pos IS NULL FROM users u WHERE u.username = p.author) THEN 1 ELSE 0 END,
	(SELECT c.seq FROM chats c WHERE c.id = p.chat AND c.deleted_pos IS NULL),
	CASE WHEN (SELECT c.visibility FROM chats c WHERE c.id = p.chat) = 'public' THEN 1 ELSE 0 END,
	CASE WHEN (SELECT m.joined_pos FROM memberships m
		WHERE m.chat = p.chat AND m.username = p.author AND m.left_pos IS NULL) IS NOT NULL THEN 1 ELSE 0 END,
	(SELECT k.id FROM messages k WHERE k.chat = p.chat AND k.author = p.author AND k.client_id = p.client_id),
	(SELECT k.post_hash FROM messages k WHERE k.chat = p.chat AND k.author = p.author AND k.client_id = p.client_id),
	CASE WHEN (SELECT r.chat FROM messages r WHERE r.id = p.reply_to) = p.chat THEN 1 ELSE 0 END`

func (f *facts) fields() []any {
	return []any{&f.live, &f.seq, &f.public, &f.member, &f.known, &f.hash, &f.replyIsHere}
}

const (
	readHead    = `SELECT pos FROM head WHERE one = 1`
	raiseHead   = `UPDATE head SET pos = ? WHERE one = 1`
	raiseWriter = `INSERT INTO writers (id, batch, at) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`
)

// openSession connects, and refuses a database that would not keep what it has
// committed: that can have changed since the program started.
func openSession(ctx context.Context, db *sqlx.DB, d *dialect) (session, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, err
	}
	h := handle{conn, d}
	if err = d.durable(ctx, h); err == nil {
		var s session
		if s, err = d.session(ctx, conn, h); err == nil {
			return s, nil
		}
	}
	discard(conn)
	return nil, err
}

// discard ends a connection instead of giving it back to its pool.
func discard(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}

// scanFacts reads the facts of n posts from rows that begin with the number of
// the post, 1 to n.
func scanFacts(rows *sql.Rows, n int) ([]facts, error) {
	known := make([]facts, n)
	for rows.Next() {
		var i int
		var f facts
		if err := rows.Scan(append([]any{&i}, f.fields()...)...); err != nil {
			return nil, err
		}
		known[i-1] = f
	}
	return known, rows.Err()
}
