package commitlog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
)

// Outcome is how far an attempt has come or how it ended.
type Outcome int

const (
	// None: there is no attempt.
	None Outcome = iota
	// Begun: the lock is held, or the whole transaction will be a single message.
	Begun
	// Committed: what the batch stored is on the disk.
	Committed
	// Unchanged: no request of the batch changed anything, and nothing was committed.
	Unchanged
	// Repeated: a key that was believed to be new is there already. Nothing is stored. It is
	// done again and asks for the keys; all else that is remembered holds.
	Repeated
	// Outdated: the head is not where the transaction expected it. Nothing is stored. It is
	// done again and does not expect it anywhere; what is remembered is brought up to date.
	Outdated
	// Blocked: another transaction kept the lock for too long. Nothing is stored.
	Blocked
	// Refused: the database refused a statement. Nothing is stored. One request is at
	// fault, and it is not known which.
	Refused
	// TimedOut: a statement behind the lock took too long; otherwise as Refused.
	TimedOut
	// ConnectionLost: the connection is of no use. Nothing is stored.
	ConnectionLost
	// Unavailable: no connection is to be had, or the database stores nothing at present,
	// whatever it is asked.
	Unavailable
	// Unknown: the commit was sent and its answer did not come.
	Unknown
)

var outcomes = [...]string{"none", "begun", "committed", "unchanged", "repeated", "outdated", "blocked", "refused", "timed out",
	"connection lost", "unavailable", "unknown"}

func (o Outcome) String() string { return outcomes[o] }

var (
	// ErrUnavailable says that the database did not answer in time. The request was not
	// stored, unless the database had it and fell silent: then that is not known.
	ErrUnavailable = errors.New("the database did not answer in time")
	// ErrBusy says that the queue is full. The request was not stored.
	ErrBusy = errors.New("too many requests wait")
)

// Lost says that an error of database/sql means that the connection is gone, or that
// time ran out on it.
func Lost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.As(err, &network)
}

// NotDurable says why a database would not keep what it has committed.
type NotDurable struct{ Why string }

func (e NotDurable) Error() string { return e.Why }
