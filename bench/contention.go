package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// contender is clients that do one thing, beside others that do something else.
type contender struct {
	load load
	do   operation
}

// atOnce lets contenders work at the same time.
func atOnce(ctx context.Context, all ...contender) ([]sample, error) {
	samples := make([]sample, len(all))
	working, ctx := errgroup.WithContext(ctx)
	for i, c := range all {
		working.Go(func() (err error) {
			samples[i], err = c.load.run(ctx, c.do)
			return err
		})
	}
	return samples, working.Wait()
}

// stranger is a contender that shares nothing with the heavy user but the service.
type stranger struct {
	contender
	slowdown
}

// slowdown is the figures of a stranger: the time within which 99 % of the requests
// were answered, alone and beside the heavy user, and how many times as long the
// second is.
type slowdown struct{ times, alone, beside figure }

// What strangers do.
var (
	posts    = slowdown{postsTimes, postsAlone, postsBeside}
	openings = slowdown{openingsTimes, openingsAlone, openingsBeside}
	accounts = slowdown{accountsTimes, accountsAlone, accountsBeside}
)

// wantedSlowdown is how many times as long a stranger may wait beside a heavy user.
const wantedSlowdown = 2

// targetsOf is what strangers of these kinds may expect.
func targetsOf(all ...slowdown) (targets []target) {
	for _, s := range all {
		targets = append(targets, atMost(wantedSlowdown, s.times))
	}
	return append(targets, atMost(0, strangersRefused))
}

// contend measures strangers alone, and then beside a heavy user.
func contend(ctx context.Context, heavy contender, strangers ...stranger) (f figures, err error) {
	f = noFigures()
	var all []contender
	for _, s := range strangers {
		all = append(all, s.contender)
	}
	alone, err := atOnce(ctx, all...)
	if err != nil {
		return f, fmt.Errorf("strangers alone: %w", err)
	}
	beside, err := atOnce(ctx, append(all, heavy)...)
	if err != nil {
		return f, fmt.Errorf("strangers beside a heavy user: %w", err)
	}
	f[strangersRefused] = 0
	for i, s := range strangers {
		before, after := quantile(alone[i].took, 0.99), quantile(beside[i].took, 0.99)
		f[s.alone], f[s.beside], f[s.times] = float64(before), float64(after), float64(after)/float64(before)
		f[strangersRefused] += float64(alone[i].refused + beside[i].refused)
	}
	h := beside[len(strangers)]
	f[heavyRate] = h.rate - float64(h.refused)/heavy.load.time.Seconds()
	f[heavyRefused] = float64(h.refused)
	return f, nil
}

// strangers ask at this rate, on so many connections.
const (
	strangersRate    = 100
	strangersClients = 16
)

// strangersLoad is that of strangers of one kind.
func (s scale) strangersLoad() load {
	return load{clients: strangersClients, rate: strangersRate, warm: s.warmStreams, time: s.timeStreams}
}

// heavyLoad is that of so many clients of a heavy user, which work as fast as they are
// answered.
func (s scale) heavyLoad(clients int) load {
	return load{clients: clients, warm: s.warmStreams, time: s.timeStreams}
}

// contentionLasts is about how long it takes to contend.
func (s scale) contentionLasts() time.Duration { return 2*(s.warmStreams+s.timeStreams) + s.seeding }
