package repository

import (
	"context"
	"fmt"
)

// A restore brings back an older state of the database. Positions that it does not know of
// were handed out to clients, and must not be given to other events. Every life of the
// database therefore has an identity, which is kept in it, and the service finds out by
// itself which one it has before it. Where that is another one, or cannot be found, the log
// jumps.

// resume makes the log jump unless the database is known to go on where the service left
// it. It is called before anything else is written.
func (r *Repository) resume(ctx context.Context) error {
	found, err := r.identity(ctx)
	if err != nil {
		return fmt.Errorf("finding out which life of the database this is: %w", err)
	}
	r.life.Store(&found)
	if found != "" {
		known, err := read(ctx, r, func(ctx context.Context, h handle) (bool, error) { return h.knows(ctx, found) })
		if err != nil || known {
			return err
		}
	}
	_, err = write(ctx, r, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		if found != "" { // another instance may have come first
			if known, err := tx.knows(ctx, found); known || err != nil {
				return none, err
			}
		}
		first, err := tx.knows(ctx, "")
		if err != nil {
			return none, err
		}
		tx.later(`UPDATE life SET identity = ? WHERE one = 1`, found)
		if tx.pos > 0 && !(first && r.dialect.firstGoesOn) {
			_, err = tx.jump()
		}
		return none, err
	})
	if err != nil {
		return fmt.Errorf("beginning a new life of the database: %w", err)
	}
	return nil
}

// knows says that an identity is the one that the database has.
func (h handle) knows(ctx context.Context, identity string) (bool, error) {
	return h.exists(ctx, `SELECT 1 FROM life WHERE one = 1 AND identity = ?`, identity)
}

// Life names the present life of the database, the same for all instances that are on it.
// It changes where the log jumped because an older state was brought back.
func (r *Repository) Life() string {
	if life := r.life.Load(); life != nil {
		return *life
	}
	return ""
}
