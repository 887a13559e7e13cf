//go:build linux

package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/e2e/need"
)

// seed is the short version's; another finds other things.
const seed = 20261129

// shared is what the tests of this package stand on; built when first needed.
var (
	made   atomic.Bool
	shared = sync.OnceValues(func() (*env, error) {
		made.Store(true)
		return newEnv()
	})
)

func TestMain(m *testing.M) {
	flag.Parse()
	letTestsWaitTogether()
	defer leaveNothing()
	m.Run()
}

// letTestsWaitTogether lets more tests than usual run beside one another, unless the caller
// has said how many: most of their time they wait.
func letTestsWaitTogether() {
	const parallel = "test.parallel"
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == parallel })
	if !said {
		flag.Set(parallel, "6")
	}
}

func leaveNothing() {
	if made.Load() {
		if e, err := shared(); err == nil {
			e.close()
		}
	}
}

func environment(t *testing.T) *env {
	t.Helper()
	need.LeaveOutIfShort(t, "PostgreSQL")
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNothingIsLostWhateverBreaks(t *testing.T) {
	e := environment(t)
	for _, f := range faults() {
		if f.short == 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			o, err := e.do(ctx, f, f.short, seed, func(outcome) {})
			for _, violation := range o.violations {
				t.Errorf("seed %d: %s", seed, violation)
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if o.posts == 0 || o.frames == 0 {
				t.Errorf("seed %d: %d posts, %d frames: nothing was put to the test", seed, o.posts, o.frames)
			}
			t.Logf("%d times in %s: %d posts, %d of them unknown at first, %d edits, %d frames on %d connections; back after %s",
				o.injected, o.took.Round(time.Millisecond), o.posts, o.unknown, o.edits, o.frames, o.streams, o.back)
		})
	}
}
