package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"parley/chat"
)

// wrap adds what was being done to an error that is nobody's answer. A
// refusal and the end of the caller's context stay as they are.
func wrap(err *error, doing string) {
	var refused *chat.Error
	switch {
	case *err == nil, errors.As(*err, &refused), errors.Is(*err, context.Canceled), errors.Is(*err, context.DeadlineExceeded):
	default:
		*err = fmt.Errorf("%s: %w", doing, *err)
	}
}

// orNotFound makes a refusal of a row that is not there.
func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return chat.ErrNotFound
	}
	return err
}

// exists says whether a query for one value finds a row.
func (h handle) exists(ctx context.Context, query string, args ...any) (bool, error) {
	var one int
	err := h.get(ctx, &one, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
