package main

import (
	"context"
	"slices"
	"time"
)

// stallTime is how long messages come before anything is counted, so that the
// sockets of stalled readers are full by then.
const stallTime = 3 * time.Second

// stall is a chat of which a fifth of the readers stopped reading.
func (f *systems) stall(scale scale) *scenario {
	c := scale.workload(1, 1000, pace{rate: 100})
	c.stalled = c.readers / 5
	c.warm = min(stallTime, scale.warmStreams*3)
	return &scenario{
		name: "a fifth of the readers of a chat do not read, 100 messages/s",
		entries: slices.Concat(entries(append(f.parley[:1:1], f.portable), 2*c.lasts(), c.besideStalled,
			below(1.2, "p99 ≤ 1.2 times that undisturbed", latencyMost, func(own figures, _ func(string) figures) float64 { return own[undisturbed] }),
			target{
				what:   "memory of a reader that does not read, of the kernel too, ≤ 150 KB",
				of:     func(own figures, _ func(string) figures) float64 { return own[streamMemory] + own[kernelShare] },
				enough: func(v float64) bool { return v <= 150<<10 },
				write:  kilobytes,
			}, nothingWrong),
			entries(f.rivals, 2*c.lasts(), c.besideStalled)),
	}
}

// besideStalled carries messages to readers, first alone and then beside stalled ones.
// The memory is that of each stalled reader.
func (c workload) besideStalled(ctx context.Context, on system) (f figures, l latencies, err error) {
	alone := c
	alone.readers, alone.stalled = c.readers-c.stalled, 0
	calm, _, err := alone.fanOut(ctx, on)
	if err != nil {
		return f, nil, err
	}
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		before, err := r.instance.memory()
		if err != nil {
			return err
		}
		if f, l, err = r.post(ctx); err != nil {
			return err
		}
		kernel := kernelMemory(ctx, r.instance.address)
		after, err := r.instance.memory()
		f[undisturbed] = calm[latencyMost]
		f[streamMemory], f[kernelShare] = (after-before)/float64(c.stalled), kernel/float64(c.stalled)
		return err
	})
	return f, l, err
}
