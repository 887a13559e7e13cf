package commitlog

import "time"

// Head is the log's newest position, and the last batch that was committed.
type Head struct {
	Pos    int64
	Writer string // empty before the first batch
	Batch  int64
}

// Tx is one transaction behind the head's lock.
type Tx struct {
	// Began is the one reading of the clock for the whole transaction.
	Began time.Time
	// Writer and Batch are by which the database knows it.
	Writer string
	Batch  int64
	// Found is the head that it follows.
	Found Head
	// Alone says that Found is this log's own last commit: no other writer has raised it since.
	Alone bool
	// Single says that one message begins the transaction, compares the head with Found,
	// stores and commits.
	Single bool
	// Pos is the last position taken, by this transaction or before it.
	Pos int64

	last   Head      // this log's own last commit
	locked time.Time // when the lock was had, if it is known
}

// Follow notes the head that was found behind the lock.
func (t *Tx) Follow(found Head) {
	t.Found, t.Pos, t.Alone = found, found.Pos, found == t.last
}

// Expect makes the transaction a single message, which follows this log's own last
// commit or stores nothing.
func (t *Tx) Expect() {
	t.Follow(t.last)
	t.Single = true
}

// Raised is the head as the transaction leaves it.
func (t *Tx) Raised() Head { return Head{Pos: t.Pos, Writer: t.Writer, Batch: t.Batch} }

// Displaces says that the head was last raised by another writer, whose batch has to
// be kept before this one takes its place.
func (t *Tx) Displaces() bool { return t.Found.Writer != "" && t.Found.Writer != t.Writer }
