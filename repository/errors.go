package repository

import (
	"context"
	"errors"

	"parley/chat"
	"parley/repository/commitlog"
)

// refusal is the one place where what a database, its driver or the log says of a call
// becomes an answer. A *chat.Error, sql.ErrNoRows and the caller's own context error
// pass; a database that is away or too slow is chat.ErrUnavailable; the rest is left as
// it is, and so internal.
func (d *dialect) refusal(ctx context.Context, err error) error {
	var refused *chat.Error
	if errors.As(err, &refused) {
		return refused
	}
	if errors.Is(err, commitlog.ErrBusy) {
		return chat.ErrBusy
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if errors.Is(err, commitlog.ErrUnavailable) || d.away(err) {
		return chat.ErrUnavailable
	}
	return err
}
