package main

import (
	"context"
	"fmt"
	"time"
)

// openings is a crowd of clients that open their streams at once, on a server that
// nothing else is asked of.
func (f *systems) openings(scale scale) *scenario {
	c := scale.workload(1000, 10_000, pace{})
	s := &scenario{
		name:    fmt.Sprintf("opening %d of %d chats as fast as possible", c.readers, c.chats),
		entries: entries(f.parley, 5*time.Second/time.Duration(scale.fewer), c.openAll),
	}
	// The first of the fast ones is on SQLite, if there are two.
	for i := range s.entries[1:] {
		s.entries[i+1].targets = []target{timesThat(0.7, openRate, s.entries[0].name)}
	}
	return s
}

// openAll opens all streams at once.
func (c workload) openAll(ctx context.Context, on system) (f figures, _ latencies, err error) {
	f = noFigures()
	err = c.with(ctx, on, func(r *workloadRun) error {
		began := time.Now()
		if err := r.open(nil, r.readers); err != nil {
			return err
		}
		f[openRate] = float64(r.readers) / time.Since(began).Seconds()
		c, err := r.audience.tell(order{Count: true})
		f[refused] = float64(c.Refused)
		return err
	})
	return f, nil, err
}
