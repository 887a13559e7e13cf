package main

import (
	"context"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is so many clients that work as fast as they are answered, for so long.
type load struct {
	clients int
	// warm is how long they work before anything is counted.
	warm, time time.Duration
}

// operation is what one of the clients does, the nth time. The clients do it at
// once, but none of them more than once at a time.
type operation func(ctx context.Context, client, n int) error

// sample is what was counted.
type sample struct {
	// rate is operations a second.
	rate float64
	// took is how long each of them took.
	took []time.Duration
}

// run lets the clients work. The first error ends it.
func (l load) run(ctx context.Context, op operation) (sample, error) {
	// What was left behind before this run is no work of this run's.
	runtime.GC()
	from := time.Now().Add(l.warm)
	until := from.Add(l.time)
	took := make([][]time.Duration, l.clients)
	working, ctx := errgroup.WithContext(ctx)
	for client := range l.clients {
		working.Go(func() error {
			for n := 0; ; n++ {
				began := time.Now()
				if !began.Before(until) || ctx.Err() != nil {
					return ctx.Err()
				}
				if err := op(ctx, client, n); err != nil {
					return err
				}
				if ended := time.Now(); ended.After(from) && ended.Before(until) {
					took[client] = append(took[client], ended.Sub(began))
				}
			}
		})
	}
	if err := working.Wait(); err != nil {
		return sample{}, err
	}
	all := slices.Concat(took...)
	return sample{rate: float64(len(all)) / l.time.Seconds(), took: all}, nil
}

// rounds is how long so many turns of each of so many operations take.
func (l load) rounds(turns, operations int) time.Duration {
	return time.Duration(turns*operations) * (l.warm + l.time)
}

// compare runs operations in turns, n times each.
func (l load) compare(ctx context.Context, n int, operations ...operation) ([]series, error) {
	all := make([]series, len(operations))
	for range n {
		for i, op := range operations {
			s, err := l.run(ctx, op)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], s)
		}
	}
	return all, nil
}

// series is the samples of one operation.
type series []sample

// rate is the median of the samples' rates.
func (s series) rate() float64 {
	rates := make([]float64, len(s))
	for i := range s {
		rates[i] = s[i].rate
	}
	return quantile(rates, 0.5)
}

// took is the time within which this part of all operations was done.
func (s series) took(part float64) time.Duration {
	var all []time.Duration
	for i := range s {
		all = append(all, s[i].took...)
	}
	return quantile(all, part)
}

// quantile is the value below which this part of the values lies; 0 of none.
func quantile[T float64 | time.Duration](values []T, part float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}
