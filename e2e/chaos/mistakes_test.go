//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"parley/e2e/chaos/load"
	"parley/e2e/chaos/mistakes"
	"parley/e2e/chaos/site"
)

// focus is the workload that shows a mistake soon.
type focus struct {
	mistake mistakes.Mistake
	fault   fault
	times   int
}

// busy is a workload that posts fast and changes often.
func busy(o *load.Options) {
	o.Posters, o.Pause = 12, 8*time.Millisecond
	o.Churn, o.Logouts, o.Life = 25*time.Millisecond, 250*time.Millisecond, 150*time.Millisecond
	o.Hedged, o.Keyless, o.Forged = 0.3, 0.1, 0.1
}

// long is one whose connections last until the service ends them.
func long(o *load.Options) {
	busy(o)
	o.Life = 4 * time.Second
}

// slow is a workload of long texts and readers that stall.
func slow(o *load.Options) {
	busy(o)
	o.Size, o.Readers = 6000, map[load.Kind]int{load.Slow: 4, load.All: 1}
	o.Life = time.Minute
}

// work lets so many posts be taken, however busy the machine is.
func work(in *injection) error {
	const posts = 200
	begin, patience := in.world.Posted(), time.Now().Add(15*time.Second)
	for in.world.Posted() < begin+posts && time.Now().Before(patience) {
		in.wait(20*time.Millisecond, 20*time.Millisecond)
	}
	return in.ctx.Err()
}

var (
	two      = fault{name: "two busy instances", instances: 2, bus: busPostgres, change: busy, inject: work}
	deaf     = fault{name: "two busy instances that poll", instances: 2, change: busy, inject: work}
	lasting  = fault{name: "two busy instances, long connections", instances: 2, bus: busPostgres, change: long, inject: work}
	stalling = fault{name: "readers that stall", instances: 1, change: slow, inject: work}
	hostile  = fault{name: "a hostile bus", instances: 3, bus: busHostile, change: busy, inject: work}
	dbCuts   = fault{name: "cuts of the database's connection", run: cutDatabase}
)

// focuses are the workloads that show mistakes. The further ones are left to make chaos.
func focuses() []focus {
	all := []focus{
		{mistakes.SequenceAsCursor, two, 2},
		{mistakes.NoKey, two, 1},
		{mistakes.KeyBeforeLock, two, 2},
		{mistakes.CommitErrorIsFailure, dbCuts, 60},
		{mistakes.MembershipOutside, two, 3},
		{mistakes.PublishBeforeCommit, two, 2},
		{mistakes.TextBefore, two, 1},
		{mistakes.AuthorFromBody, two, 1},
		{mistakes.ReplayBeforeRegistering, two, 2},
		{mistakes.ReplayFromCursor, two, 1},
		{mistakes.DropWhenFull, stalling, 3},
		{mistakes.HintForEvent, two, 1},
		{mistakes.IDBeforeData, fault{name: "cuts of r3labs/sse", run: cutClient(load.Bare)}, 60},
		{mistakes.NoJump, fault{name: "a restored backup", inject: putBack}, 1},
		{mistakes.NilIgnored, fault{name: "notifications missed, without a poll", run: missed}, 1},
	}
	if *further {
		all = append(all,
			focus{mistakes.CacheOutlivesOthers, two, 2},
			focus{mistakes.HoleForGone, hostile, 2},
			focus{mistakes.LeftIgnored, lasting, 2},
			focus{mistakes.EndedIgnored, lasting, 2},
			focus{mistakes.ResetByTail, deaf, 2},
			focus{mistakes.TokenPrinted, two, 1})
	}
	return all
}

var further = flag.Bool("further", false, "try further mistakes beside those of the short version")

// TestTheWorkloadsThatShowMistakesPassWithoutOne makes sure that what is found below is the
// mistake's doing.
func TestTheWorkloadsThatShowMistakesPassWithoutOne(t *testing.T) {
	e := environment(t)
	passed := make(map[string]bool)
	for _, f := range focuses() {
		program := fmt.Sprint(f.fault.name, f.mistake.Under)
		if passed[program] {
			continue
		}
		passed[program] = true
		t.Run(f.fault.name, func(t *testing.T) {
			t.Parallel()
			e := e.with(t, f.mistake.Without())
			o, err := e.do(t.Context(), f.fault, f.times, seed, func(outcome) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, violation := range o.violations {
				t.Error(violation)
			}
		})
	}
}

// TestEachMistakeIsFound builds parley with each mistake and lets clients work with it.
func TestEachMistakeIsFound(t *testing.T) {
	shared := environment(t)
	building := make(chan struct{}, 3)
	for _, f := range focuses() {
		t.Run(f.mistake.Name, func(t *testing.T) {
			t.Parallel()
			building <- struct{}{}
			defer func() { <-building }()
			e := shared.with(t, f.mistake)
			// Chance decides whether a mistake shows; so there are a few attempts.
			for attempt := range 8 {
				if violation := e.shows(t, f, seed+uint64(attempt)); violation != "" {
					t.Logf("attempt %d: %.400s", attempt+1, violation)
					return
				}
			}
			t.Error("the checker found nothing")
		})
	}
}

// with is the environment of a program with a mistake.
func (e *env) with(t *testing.T, m mistakes.Mistake) *env {
	t.Helper()
	if len(m.Edits)+len(m.Under) == 0 {
		return e
	}
	folder := t.TempDir()
	overlay, err := m.Overlay("../..", folder)
	if err != nil {
		t.Fatal(err)
	}
	changed := &env{binary: filepath.Join(folder, "parley"), server: e.server}
	if err := site.Build(changed.binary, overlay); err != nil {
		t.Fatal(err)
	}
	return changed
}

// shows returns the first violation of a run with a mistake.
func (e *env) shows(t *testing.T, f focus, seed uint64) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := e.round(ctx, f.fault, f.times, seed)
	switch {
	case len(o.violations) > 0:
		return o.violations[0]
	case err != nil:
		t.Log(err)
	}
	return ""
}
