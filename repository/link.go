package repository

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/jmoiron/sqlx"
)

// link is the writer's connection and what a batch does on it. Each database
// has one of its own, because what is cheap differs: on PostgreSQL it is a round
// trip that costs, on SQLite a statement's work.
type link interface {
	// begin opens a transaction, takes the head's lock in it and reads the head.
	// From then on nobody else writes, and what is read has its final state. If the
	// batch begins with posts, it also loads what they are decided by.
	begin(ctx context.Context, first []*posting) (at head, known []facts, err error)
	// load reads what each of the posts is decided by, without what is remembered of it.
	load(ctx context.Context, posts []*posting) ([]facts, error)
	// store writes posts and raises their chats. If it is the batch's last step, it
	// also does what raise does. If the transaction was put off, as with a remote database it may
	// be, it is the only step, and begins the transaction too: with a movedError if the
	// head is not where it was found.
	store(ctx context.Context, u *transaction, posts []*posting, chats map[string]*chatHead, last bool) error
	// raise raises the head, keeps the batch of another writer that it found there,
	// and commits.
	raise(ctx context.Context, u *transaction) error
	// rollback undoes the transaction.
	rollback(ctx context.Context) error
	handle() handle
	// close ends the connection; a transaction that is open is undone by it.
	close()
}

// movedError is the error of a batch that was put off and found another head. Nothing
// of it is stored.
type movedError struct{ error }

func (e movedError) Unwrap() error { return e.error }

// commitError is an error of a commit: whether it took place is not known.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// head is the log's newest position and the last batch that was committed.
type head struct {
	pos    int64
	writer string // empty before the first batch
	batch  int64
}

// is says whether both are behind the same batch.
func (h head) is(other head) bool {
	return h.pos == other.pos && h.writer == other.writer && h.batch == other.batch
}

// permit is what decides whether somebody may post in a chat, and the post's number.
type permit struct {
	live   bool
	seq    sql.NullInt64 // of the chat; NULL where there is none, or no more
	public bool
	member bool
}

// facts is what the database knows of a post.
type facts struct {
	permit
	known       sql.NullInt64 // id of the message with the post's key
	hash        sql.NullString
	replyIsHere bool
}

const (
	readHead   = `SELECT pos, writer, batch FROM head WHERE one = 1`
	raiseHead  = `UPDATE head SET pos = ?, writer = ?, batch = ? WHERE one = 1`
	keepWriter = `INSERT INTO writers (id, batch, at) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`
)

// openLink connects, and refuses a database that would not keep what it has
// committed: that can have changed since the program started.
func openLink(ctx context.Context, db *sqlx.DB, d *dialect) (link, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, err
	}
	h := handle{conn, d}
	if err = d.durable(ctx, h); err == nil {
		var l link
		if l, err = d.link(ctx, conn, h); err == nil {
			return l, nil
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
