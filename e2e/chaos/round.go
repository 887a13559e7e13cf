//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/e2e/chaos/history"
	"parley/e2e/chaos/load"
)

// fault is one kind of fault: what is done how often while clients work.
type fault struct {
	name string
	// count is how often in the long version, short in the short one.
	count, short int
	// each is about how long one takes, the wait before it included.
	each time.Duration
	// own says that the fault is one of the database server, which is then the round's alone.
	own bool
	// clocks says that each instance's wall clock can be set.
	clocks bool
	// instances is how many there are on PostgreSQL; 0 is one on SQLite.
	instances int
	bus       busKind
	// folder makes the folder of SQLite's file; nil is the usual one.
	folder func(*plant) (string, error)
	// change makes the workload another than the usual one.
	change func(*load.Options)
	inject func(*injection) error
	// run is, for a fault that is not done at any moment of the usual work, all of it.
	run func(ctx context.Context, e *env, n int, seed uint64) (outcome, error)
}

// injection is one occasion to do harm.
type injection struct {
	ctx   context.Context
	plant *plant
	world *load.World
	r     *rand.Rand
	// back is the longest time until the service was back, of the faults that say so.
	back time.Duration
}

// outcome is what came of rounds.
type outcome struct {
	injected                               int
	posts, unknown, edits, frames, streams int
	violations                             []string
	folder                                 string
	took                                   time.Duration
	// back is the longest that posts were not taken once the database was there again; 0
	// where that was not asked.
	back time.Duration
}

func (o *outcome) add(other outcome) {
	o.injected += other.injected
	o.posts += other.posts
	o.unknown += other.unknown
	o.edits += other.edits
	o.frames += other.frames
	o.streams += other.streams
	o.violations = append(o.violations, other.violations...)
	o.took += other.took
	o.back = max(o.back, other.back)
	if other.folder != "" {
		o.folder = other.folder
	}
}

// usual is the workload.
func usual(seed uint64) load.Options {
	return load.Options{
		Seed: seed, Chats: 3, Posters: 6, Pause: 60 * time.Millisecond, Size: 40,
		Keyless: 0.15, Hedged: 0.1, Forged: 0.02, HungUp: 0.1,
		Churn: 150 * time.Millisecond, Logouts: 700 * time.Millisecond, Edits: 40 * time.Millisecond, Life: 1500 * time.Millisecond,
		Readers: map[load.Kind]int{load.All: 4, load.Chat: 3, load.Lines: 1, load.Client: 2, load.Slow: 1},
	}
}

// healing bounds how long the service may take to be back for everybody when faults are over.
const healing = 40 * time.Second

// judged starts the clients of a new plant, has harm done, lets everything heal, and judges.
// harm says how often it was done.
func (e *env) judged(ctx context.Context, f fault, options load.Options, seed uint64, harm func(*injection) (int, error)) (o outcome, err error) {
	p, err := newPlant(e, f, seed)
	if err != nil {
		return o, err
	}
	defer func() { p.close(len(o.violations) > 0 || err != nil) }()
	began := time.Now()
	fresh, err := held(p.instances[0])
	if err != nil {
		return o, err
	}
	world, err := load.New(ctx, options, p.addrs()...)
	if err != nil {
		return o, fmt.Errorf("beginning: %w", err)
	}
	world.Start(ctx)
	in := &injection{ctx: ctx, plant: p, world: world, r: rand.New(rand.NewPCG(seed, 0))}
	o.injected, err = harm(in)
	o.back = in.back
	if err != nil {
		return o, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := p.heal(); err != nil {
		return o, err
	}
	late := world.Finish(ctx, healing)
	if o.violations, err = judge(ctx, p, world); err != nil {
		return o, err
	}
	o.violations = append(o.violations, p.atRest(fresh)...)
	leaks, err := p.leaks(world.Secrets())
	if err != nil {
		return o, err
	}
	o.violations = append(o.violations, leaks...)
	if late != nil {
		o.violations = append(o.violations, fmt.Sprintf("The service was not back for everybody within %s: %v", healing, late))
	}
	if len(o.violations) > 0 {
		o.folder = p.folder
	}
	o.count(world.Record.Run())
	o.took = time.Since(began)
	return o, nil
}

func (in *injection) harm(f fault) error {
	select {
	case <-in.ctx.Done():
		return in.ctx.Err()
	case <-time.After(time.Duration(100+in.r.IntN(300)) * time.Millisecond):
	}
	return f.inject(in)
}

// judge reads the log back, from the database and from every instance, and checks the run.
func judge(ctx context.Context, p *plant, world *load.World) (violations []string, err error) {
	rows, err := p.log(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the log back: %w", err)
	}
	log := history.Log{Rows: rows}
	for _, instance := range p.instances {
		pages, err := world.Pages(ctx, instance.Addr)
		if err != nil {
			return nil, err
		}
		log.Pages = append(log.Pages, pages...)
	}
	return history.Check(world.Record.Run(), log), nil
}

func (o *outcome) count(run history.Run) {
	for _, post := range run.Posts {
		stored := false
		unknown := false
		for _, t := range post.Tries {
			stored = stored || t.Status == 200 || t.Status == 201
			unknown = unknown || t.Status == 0 || t.Status >= 500
		}
		if stored {
			o.posts++
		}
		if unknown {
			o.unknown++
		}
	}
	for _, e := range run.Edits {
		if e.Status == 200 || e.Status == 204 {
			o.edits++
		}
	}
	for _, conn := range run.Conns {
		o.streams++
		for _, frame := range conn.Frames {
			if frame.HasID && frame.Data != "" {
				o.frames++
			}
		}
	}
}
