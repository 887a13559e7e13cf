package posts

import (
	"context"

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
	// Store writes entries and raises their chats, and does what Raise does. If the
	// transaction is a single message, that is all of it; the outcome is Outdated if the
	// head is not where the transaction expects it. It is Repeated if the database refuses a
	// key as there already, and some were believed to be new (BelievesKeys).
	Store(ctx context.Context, tx *commitlog.Tx, entries []*Entry, places map[string]*Place) (commitlog.Outcome, error)
}
