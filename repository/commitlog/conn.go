package commitlog

import "context"

// Conn is a connection that a log writes on. No method needs a context that ends: the
// connection bounds each of its steps. What a method says with an error has not been
// committed.
type Conn interface {
	// Current says that the connection leads to the database that a new one would lead to, as
	// far as is known. It does not block.
	Current() bool
	// Begin opens a transaction, takes the head's lock in it and reads the head. From
	// then on no other transaction writes, and what is read has its final state.
	Begin(ctx context.Context) (Head, error)
	// Raise raises the head to where tx leaves it, keeps the batch of another writer that
	// tx found there, and commits. The outcome is Committed or that of the error.
	Raise(ctx context.Context, tx *Tx) (Outcome, error)
	// LastBatch reads, in the transaction, which batch of a writer that no longer stands
	// in the head was its last; 0 is none.
	LastBatch(ctx context.Context, writer string) (int64, error)
	// Rollback undoes the transaction, if there is one.
	Rollback(ctx context.Context) error
	// Outcome is what an error of a statement on this connection means for its
	// transaction: Blocked, Refused, TimedOut, ConnectionLost or Unavailable.
	Outcome(err error) Outcome
	// Close ends the connection; a transaction that is open is undone by it.
	Close()
}
