package main

import (
	"context"
	"fmt"
)

// overrun is posting without end and without regard to the readers: more is posted than
// can be delivered.
func (f *systems) overrun(scale scale) *scenario {
	c := scale.workload(1, 1000, pace{})
	return &scenario{
		name:    fmt.Sprintf("1 chat, %d readers, posting without end", c.readers),
		entries: entries(f.parley, c.lasts(), c.overrun, atMost(2, logReads), nothingWrong),
	}
}

// overrun carries messages and tells what parley did so that the readers kept up.
func (c workload) overrun(ctx context.Context, on system) (f figures, l latencies, err error) {
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		if f, l, err = r.post(ctx); err != nil {
			return err
		}
		reads, err := r.instance.metric(ctx, "parley_reader_log_reads_total")
		if err != nil {
			return err
		}
		posts, err := r.instance.metric(ctx, "parley_posts_held_seconds_count")
		f[logReads], f[held] = reads/float64(r.chats), posts/float64(r.posters.acknowledged.Load())
		return err
	})
	return f, l, err
}
