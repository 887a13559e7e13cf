package main

import (
	"context"
	"math"
)

// firstStreams are opened before memory is first looked at, so that what a server
// needs once is not taken for a stream's.
const firstStreams = 50

// idle opens all streams and tells what they take while nothing happens.
func (c workload) idle(ctx context.Context, on system) (f figures, _ latencies, err error) {
	f = noFigures()
	err = c.with(ctx, on, func(r *workloadRun) (err error) {
		f[streamMemory], f[kernelShare], err = r.openAndMeasureMemory(ctx)
		return err
	})
	return f, nil, err
}

// openAndMeasureMemory opens the streams and returns what each of them takes of the
// server's own memory, once its garbage is collected, and of the kernel's.
func (r *workloadRun) openAndMeasureMemory(ctx context.Context) (own, kernel float64, err error) {
	all := r.readers
	first := min(all, firstStreams)
	r.readers = first
	if err := r.open(nil, openAtOnce); err != nil {
		return 0, 0, err
	}
	before, err := r.instance.memory()
	if err != nil {
		return 0, 0, err
	}
	r.readers = all
	if err := r.open(nil, openAtOnce); err != nil {
		return 0, 0, err
	}
	after, err := r.instance.memory()
	if err != nil {
		return 0, 0, err
	}
	own = math.NaN()
	if all > first {
		own = (after - before) / float64(all-first)
	}
	return own, kernelMemory(ctx, r.instance.address) / float64(all), nil
}

// memory is what the server has in memory.
func (c *child) memory() (float64, error) {
	if err := c.collectGarbage(); err != nil {
		return 0, err
	}
	bytes, err := memoryOf(c.pid())
	return float64(bytes), err
}
