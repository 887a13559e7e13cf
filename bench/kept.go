package main

import (
	"context"
	"errors"
)

// besides carries messages to readers, first alone and then beside what load begins and
// stop ends. It tells in f how much of the rate was kept, and how much longer a post
// took to be acknowledged.
func (c carriage) besides(ctx context.Context, by carrier, f *figures,
	begin func(ctx context.Context, r *carrying) (stop func() error, err error)) error {
	return c.with(ctx, by, func(r *carrying) (err error) {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		alone, _, err := r.post(ctx)
		if err != nil {
			return err
		}
		stop, err := begin(ctx, r)
		defer func() { err = errors.Join(err, stop()) }()
		if err != nil {
			return err
		}
		// A server closes connections that are idle for long.
		if err := r.posters.reconnect(ctx, r.station); err != nil {
			return err
		}
		beside, _, err := r.post(ctx)
		if err != nil {
			return err
		}
		*f = beside.keptOf(alone, float64(r.readingEach()))
		return nil
	})
}

// keptOf is what is left of what was measured alone, of a chat with so many readers.
func (f figures) keptOf(alone figures, readers float64) figures {
	kept := noFigures()
	kept[rateKept] = f[deliveryRate] / alone[deliveryRate]
	kept[rateAlone], kept[rateBeside] = alone[deliveryRate]/readers, f[deliveryRate]/readers
	kept[postsAlone], kept[postsBeside] = alone[acknowledgedMost], f[acknowledgedMost]
	kept[postsTimes] = f[acknowledgedMost] / alone[acknowledgedMost]
	kept[wrong] = f[wrong]
	return kept
}
