package posts

import (
	"context"

	"parley/chat"
	"parley/repository/commitlog"
)

// Conn is a log's connection that knows entries. Each database has one of its own,
// because what is cheap differs: on PostgreSQL it is a round trip that costs, on SQLite a
// statement's work.
type Conn interface {
	commitlog.Conn
	// Remote says that the database is another process. A message to it costs as much as
	// what it does, so a transaction for which nothing need be read is a single message.
	Remote() bool
	// BeginWith is Begin, and reads the facts of the entries that are not cached, and the
	// first events behind a position if that is not 0. It may leave these events out.
	BeginWith(ctx context.Context, entries []*Entry, after int64) (commitlog.Head, []Event, error)
	// Load reads the facts of the entries that are not cached.
	Load(ctx context.Context, entries []*Entry) error
	// Store writes what a batch stores and raises its chats, and does what Raise does. If the
	// transaction is a single message, that is all of it; the outcome is Outdated if the
	// head is not where the transaction expects it. It is Repeated if the database refuses a
	// key as there already, and some were believed to be new (BelievesKeys).
	Store(ctx context.Context, tx *commitlog.Tx, s *Stored) (commitlog.Outcome, error)
}

// Stored is what a batch writes.
type Stored struct {
	// Messages are the entries that are new messages, and Changes those that change one.
	Messages, Changes []*Entry
	// Changed are the messages behind all of Changes.
	Changed []*chat.Message
	// Went are rows of reactions that go, and Came those that come. They are changed in this
	// order. Bared are the messages that have lost all of theirs.
	Went  []ReactionKey
	Came  []Came
	Bared []int64
	// Places are where the chats stand.
	Places map[string]*Place
}

// Came is a reaction, and the position at which it came.
type Came struct {
	ReactionKey
	Pos int64
}
