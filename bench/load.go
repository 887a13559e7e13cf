package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is so many clients that work for so long.
type load struct {
	clients int
	// rate is operations a second of all clients together, each counted from when it
	// was due: a server that stands still delays those that wait behind it, too. With 0
	// the clients work as fast as they are answered.
	rate float64
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
	// refused is how many were refused; they count as operations, too.
	refused int
}

// run lets the clients work. The first error that is not errRefused ends it.
func (l load) run(ctx context.Context, op operation) (sample, error) {
	// What was left behind before this run is no work of this run's.
	runtime.GC()
	began := time.Now()
	from := began.Add(l.warm)
	until := from.Add(l.time)
	samples := make([]sample, l.clients)
	working, ctx := errgroup.WithContext(ctx)
	for client := range l.clients {
		working.Go(func() error {
			for n := 0; ; n++ {
				due, err := l.due(ctx, began, n*l.clients+client)
				if err != nil || !due.Before(until) {
					return err
				}
				err = op(ctx, client, n)
				if err != nil && !errors.Is(err, errRefused) {
					return err
				}
				if l.counts(due, time.Now(), from, until) {
					samples[client].add(time.Since(due), err)
				}
			}
		})
	}
	if err := working.Wait(); err != nil {
		return sample{}, err
	}
	var all sample
	for _, s := range samples {
		all.took = append(all.took, s.took...)
		all.refused += s.refused
	}
	all.rate = float64(len(all.took)) / l.time.Seconds()
	return all, nil
}

// due waits until it is time for the nth operation of all clients, and returns the
// time that it is due at.
func (l load) due(ctx context.Context, began time.Time, n int) (time.Time, error) {
	if l.rate == 0 {
		return time.Now(), ctx.Err()
	}
	due := began.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	return due, wait(ctx, time.Until(due))
}

// counts says whether an operation is one of those between two times. At a rate it is
// the time that it was due at that counts, or those that take longest would be left
// out.
func (l load) counts(due, ended, from, until time.Time) bool {
	if l.rate > 0 {
		return !due.Before(from)
	}
	return ended.After(from) && ended.Before(until)
}

func (s *sample) add(took time.Duration, err error) {
	s.took = append(s.took, took)
	if err != nil {
		s.refused++
	}
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
			if err == nil && s.refused > 0 {
				err = errRefused
			}
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
