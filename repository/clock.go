package repository

import (
	"context"
	"time"
)

// Clock is the time by the database's clock.
func (r *Repository) Clock(ctx context.Context) (_ time.Time, err error) {
	defer wrap(&err, "asking for the database's clock")
	ms, err := read(ctx, r, func(ctx context.Context, h handle) (ms int64, err error) {
		err = h.get(ctx, &ms, `SELECT `+h.d.now)
		return ms, err
	})
	return time.UnixMilli(ms), err
}
