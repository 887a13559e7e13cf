package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	soakInstances = 3
	soakChats     = 100
	soakReaders   = 5000
	soakRate      = 300
	// soakLatest is what 99 % of the deliveries are to take less than, and soakGrowth how
	// many times as much memory the instances may take at the end.
	soakLatest = 250 * time.Millisecond
	soakGrowth = 1.1
)

// soak is a cluster that is used for long, at a rate that it carries with ease.
func soak(engines []*engine, passwordHash string, scale scale, lasts time.Duration) ([]section, error) {
	i := slices.IndexFunc(engines, func(e *engine) bool { return e.plain == plainPostgres })
	if i < 0 {
		return nil, errors.New("-soak: several instances need PostgreSQL")
	}
	c := scale.workload(soakChats, soakReaders, pace{rate: soakRate})
	// What instances take at first is not yet what they need: at this rate some four minutes
	// pass before they remember as many of the newest messages as they may.
	c.warm, c.time = lasts/5, lasts-lasts/5
	on := cluster{name: "nats", instances: soakInstances, bus: "nats", everywhere: true}.on(engines[i], passwordHash)
	s := &scenario{
		part: "Soak", turns: 1,
		name: fmt.Sprintf("%d instances, %d chats, %d readers, %d messages/s, %s", soakInstances, c.chats, c.readers, soakRate, lasts),
		entries: entries([]system{on}, c.lasts(), c.soak,
			atMost(float64(soakLatest), latencyMost), atMost(soakGrowth, memoryTimes), nothingWrong),
	}
	return []section{s.section(1, "")}, nil
}

// soak carries messages, and looks at the instances' memory at the beginning and at the
// end.
func (c workload) soak(ctx context.Context, on system) (f figures, l latencies, err error) {
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		working, ctx := errgroup.WithContext(ctx)
		var first, last float64
		working.Go(func() (err error) {
			if err := wait(ctx, c.warm); err != nil {
				return err
			}
			first, err = r.instance.memoryOfAll()
			return err
		})
		working.Go(func() (err error) {
			f, l, err = r.post(ctx)
			return err
		})
		if err := working.Wait(); err != nil {
			return err
		}
		if last, err = r.instance.memoryOfAll(); err != nil {
			return err
		}
		f[memoryFirst], f[memoryLast], f[memoryTimes] = first, last, last/first
		return nil
	})
	return f, l, err
}

// memoryOfAll is what all processes of an instance have in memory.
func (s *instance) memoryOfAll() (sum float64, err error) {
	for _, c := range append([]*child{s.child}, s.others...) {
		if c == nil {
			continue
		}
		own, err := c.memory()
		if err != nil {
			return 0, err
		}
		sum += own
	}
	return sum, nil
}
