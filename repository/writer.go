package repository

import (
	"context"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"parley/chat"
)

// request is one change that waits for the writer.
type request struct {
	run func(ctx context.Context, u *unit) error
}

// writer makes changes, one transaction at a time.
type writer struct {
	db        *sqlx.DB
	dialect   *dialect
	committed func([]chat.Event)

	mu sync.Mutex
}

func (w *writer) do(ctx context.Context, req *request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	conn, err := w.db.Connx(ctx)
	if err != nil {
		return w.dialect.refusal(ctx, err)
	}
	defer conn.Close()
	u := &unit{handle: handle{conn, w.dialect}, now: chat.NewTime(time.Now())}
	if _, err := u.exec(ctx, w.dialect.begin); err != nil {
		return w.dialect.refusal(ctx, err)
	}
	err = u.get(ctx, &u.pos, w.dialect.lock)
	if err == nil {
		err = req.run(ctx, u)
	}
	if err == nil {
		_, err = u.exec(ctx, `UPDATE head SET pos = ? WHERE one = 1`, u.pos)
	}
	if err != nil {
		_, _ = u.exec(ctx, `ROLLBACK`)
		return w.dialect.refusal(ctx, err)
	}
	if _, err := u.exec(ctx, `COMMIT`); err != nil {
		return w.dialect.refusal(ctx, err)
	}
	if w.committed != nil && len(u.events) > 0 {
		w.committed(u.events)
	}
	return nil
}
