package repository

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"parley/chat"
)

// errNotDurable says why a database would not keep what it has committed.
type errNotDurable struct{ why string }

func (e errNotDurable) Error() string { return e.why }

// errUnknown is the error of a commit of which it could not be found out how it
// ended.
var errUnknown = errors.New("how the commit ended is not known")

// connectError says why the writer has no connection. No request is at fault, and
// each of them would be told the same.
type connectError struct{ error }

func (e connectError) Error() string { return "connecting: " + e.error.Error() }

func (e connectError) Unwrap() error { return e.error }

// refusal is the one place where what a database or its driver says of a read
// becomes an answer. A *chat.Error, sql.ErrNoRows and the caller's own context
// error pass; a database that is away or too slow is chat.ErrUnavailable; the rest
// is left as it is, and so internal.
func (d *dialect) refusal(ctx context.Context, err error) error {
	var refused *chat.Error
	if errors.As(err, &refused) {
		return refused
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if lost(err) || d.away(err) {
		return chat.ErrUnavailable
	}
	return err
}

// lost says that the connection is gone, or that time ran out on it.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &network)
}
