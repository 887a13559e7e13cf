package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/lib/pq"
)

// Writable says of a server to which no connection could be made whether it is one that
// nobody may write on: then the error says why, and what to do. It is nil where that is not
// the cause.
func Writable(ctx context.Context, address string) error {
	base, err := configure(address)
	if err != nil {
		return nil
	}
	base.TargetSessionAttrs = pq.TargetSessionAttrsAny
	ctx, cancel := context.WithTimeout(ctx, Connecting+time.Second)
	defer cancel()
	db := pool(base, Silence, nil)
	defer db.Close()
	var standby, readOnly bool
	err = db.QueryRowContext(ctx, `SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'`).Scan(&standby, &readOnly)
	switch {
	case err != nil:
		return nil
	case standby:
		return errors.New("the server is a standby, which nobody can write on: name the primary, or all hosts with commas between them")
	case readOnly:
		return errors.New("nobody may write there, because default_transaction_read_only = on for the server, the database or the role: set it to off")
	}
	return nil
}
