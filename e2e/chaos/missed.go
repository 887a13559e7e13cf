//go:build linux

package main

import (
	"context"
	"time"

	"parley/e2e/chaos/load"
	"parley/e2e/chaos/wire"
)

// missed cuts one instance off the database, and so off its listener, while the other one
// commits: what was notified meanwhile is heard of by nobody, and has to be read.
func missed(ctx context.Context, e *env, n int, seed uint64) (outcome, error) {
	f := fault{name: "notifications missed", instances: 2, bus: busPostgres}
	options := load.Options{Seed: seed, Chats: 1, Pause: time.Second, Readers: map[load.Kind]int{load.All: 8}}
	var late bool
	o, err := e.judged(ctx, f, options, seed, func(in *injection) (int, error) {
		for range n {
			in.world.SayAt(in.ctx, in.plant.front[0].Addr())
			in.plant.back[1].Set(wire.Weather{Refused: true})
			in.plant.back[1].Reset()
			id := in.world.SayAt(in.ctx, in.plant.front[0].Addr())
			in.wait(1000*time.Millisecond, 1200*time.Millisecond) // on a busy machine the notification is late
			in.plant.back[1].Set(wire.Weather{})
			late = late || !in.world.Reached(in.ctx, id, 8*time.Second)
		}
		return n, nil
	})
	if err == nil && late {
		o.violations = append(o.violations, "A notification was lost, and 8 s later a reader had not been shown what it told of.")
	}
	return o, err
}
