package repository

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// cleanEvery is after how long the cleaner looks again by itself: for sessions and
	// invites that have expired, for texts that were replaced or erased, and for what another
	// process has left.
	cleanEvery = 30 * time.Second
	// sessionKept is how long a session that is over keeps its row. An access token ends
	// earlier than the refresh token that was given out with it.
	sessionKept = 24 * time.Hour
	// scrubTries bounds how often it is tried in a row to remove what was erased, and
	// scrubPause lies between two tries.
	scrubTries = 20
	scrubPause = 50 * time.Millisecond
)

// cleaner closes, erases and deletes, as a background job, what has ended or expired.
type cleaner struct {
	*backgroundJob
	r     *Repository
	again *time.Timer
	// erased says that something was, and that the database may keep it besides its
	// tables. At the start that is not known.
	erased atomic.Bool
}

func newCleaner(r *Repository, log *slog.Logger) *cleaner {
	c := &cleaner{r: r}
	c.erased.Store(true)
	c.backgroundJob = newBackgroundJob("cleaning up behind what has ended", log, c.clean)
	c.again = time.AfterFunc(cleanEvery, c.wake)
	return c
}

func (c *cleaner) close() {
	c.backgroundJob.close()
	c.again.Stop()
}

func (c *cleaner) clean(ctx context.Context) error {
	c.again.Reset(cleanEvery)
	erased, err := c.r.finishEndings(ctx)
	if erased {
		c.erased.Store(true)
	}
	// What one of them fails at keeps none of the others from its work.
	return errors.Join(err,
		c.r.dropSessions(ctx, time.Now().Add(-sessionKept)),
		c.r.dropInvites(ctx, time.Now()),
		c.r.dropTickets(ctx),
		c.r.dropLeases(ctx),
		c.scrub(ctx))
}

// scrub takes what was erased from where the database keeps it besides its tables. As long as
// a reader needs that, it is tried again: most reads are short.
func (c *cleaner) scrub(ctx context.Context) (err error) {
	for try := 0; c.erased.Load() && try < scrubTries; try++ {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(scrubPause):
			}
		}
		c.erased.Store(false) // what is erased from here on is left to the next time
		if err = c.r.dialect.scrub(ctx, c.r.pool); err != nil {
			c.erased.Store(true)
		}
	}
	if err != nil {
		return fmt.Errorf("removing what was erased: %w", err)
	}
	return nil
}

// deleteSessions deletes some of those that were over before a moment.
const deleteSessions = `DELETE FROM sessions WHERE id IN (
	SELECT id FROM sessions WHERE refresh_expires_at < ? ORDER BY refresh_expires_at LIMIT ?)`

// dropSessions deletes the sessions that were over before a moment.
func (r *Repository) dropSessions(ctx context.Context, before time.Time) error {
	return r.dropOld(ctx, `SELECT 1 FROM sessions WHERE refresh_expires_at < ? LIMIT 1`, deleteSessions, before)
}

// dropOld deletes rows that are older than a moment, in slices. some asks whether there are
// any, and remove deletes so many of them; both have the moment for their first argument.
func (r *Repository) dropOld(ctx context.Context, some, remove string, before time.Time) error {
	for {
		left, err := read(ctx, r, func(ctx context.Context, h handle) (bool, error) {
			return h.exists(ctx, some, before.UnixMilli())
		})
		if err == nil && left {
			_, err = r.beside(ctx, remove, before.UnixMilli(), endingSlice)
		}
		if err != nil {
			return fmt.Errorf("deleting what is over: %w", err)
		}
		if !left {
			return nil
		}
	}
}
