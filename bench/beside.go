package main

import (
	"context"
	"errors"
)

// disturbance is what begins beside the readers of a workload. Its stop is to be called
// in any case.
type disturbance func(ctx context.Context, r *workloadRun) (stop func() error, err error)

// beside carries messages to readers, first alone and then beside a disturbance. It tells
// which part of the rate was kept, and how many times as long a post took to be
// acknowledged.
func (c workload) beside(begin disturbance) measuring {
	return func(ctx context.Context, on system) (f figures, _ latencies, err error) {
		err = c.with(ctx, on, func(r *workloadRun) (err error) {
			f, err = r.besides(ctx, begin)
			return err
		})
		return f, nil, err
	}
}

func (r *workloadRun) besides(ctx context.Context, begin disturbance) (f figures, err error) {
	if err := r.open(nil, openAtOnce); err != nil {
		return f, err
	}
	if err := r.connect(ctx); err != nil {
		return f, err
	}
	alone, _, err := r.post(ctx)
	if err != nil {
		return f, err
	}
	stop, err := begin(ctx, r)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return f, err
	}
	// A server closes connections that are idle for long.
	if err := r.posters.reconnect(ctx, r.instance); err != nil {
		return f, err
	}
	both, _, err := r.post(ctx)
	return both.keptOf(alone, float64(r.readingEach())), err
}

// keptOf compares what was measured beside a disturbance with what was measured alone, of
// a chat with so many readers.
func (f figures) keptOf(alone figures, readers float64) figures {
	kept := noFigures()
	kept[rateKept] = f[deliveryRate] / alone[deliveryRate]
	kept[rateAlone], kept[rateBeside] = alone[deliveryRate]/readers, f[deliveryRate]/readers
	kept[postsAlone], kept[postsBeside] = alone[acknowledgedMost], f[acknowledgedMost]
	kept[postsTimes] = f[acknowledgedMost] / alone[acknowledgedMost]
	kept[wrong] = f[wrong]
	return kept
}
