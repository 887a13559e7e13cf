package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before trying again: from base on twice as long
// after each failure, up to limit (or base, where that is longer), and up to
// half as much again by chance, so that clients that failed together do not come
// back together.
type backoff struct {
	base, limit time.Duration
	failures    int
}

// next is the wait after one more failure, and not less than atLeast.
func (b *backoff) next(atLeast time.Duration) time.Duration {
	d := b.base
	for range b.failures {
		if d *= 2; d >= b.limit {
			d = max(b.base, b.limit)
			break
		}
	}
	b.failures++
	d = max(d, atLeast)
	return d + rand.N(d/2+1)
}

// reset forgets the failures: something succeeded.
func (b *backoff) reset() { b.failures = 0 }

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
