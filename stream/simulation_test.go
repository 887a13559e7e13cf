package stream

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The simulation runs two to four brokers on one log, in simulated time. A bus joins them
// that loses, repeats, delays, reorders and makes up messages; their databases fail, are
// slow, and answer with less than they could; readers come and go, fall behind and are cut.
// When all is well again, every stream that there was is held against the contract.
//
// Every decision of a schedule comes from its seed, and one goroutine takes them, which
// waits between two until nothing moves any more. Three things do not come from the seed:
// the jitter of polls and pings, which case of a select runs where several can, and which
// of the goroutines that wake at the same instant runs first. So a seed that fails nearly
// always fails again, but not necessarily; -count repeats it.

// defaultSchedules is how many schedules run where nothing is said.
var defaultSchedules = int64(10_000)

var (
	schedules = flag.Int64("schedules", 0, "how many schedules TestSimulation runs; 0 runs what is usual")
	firstSeed = flag.Uint64("seed", 1, "the seed of TestSimulation's first schedule; the others follow")
)

// howMany is how many schedules run. The environment says it where many packages are
// tested, of which only one knows the flag.
func howMany() int64 {
	n, err := strconv.ParseInt(os.Getenv("PARLEY_SIMULATION"), 10, 64)
	switch {
	case *schedules > 0:
		return *schedules
	case err == nil:
		return n
	case testing.Short():
		return 100
	}
	return defaultSchedules
}

func TestSimulation(t *testing.T) {
	// A panic in a goroutine of a schedule then names the seed.
	t.Setenv("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",tracebacklabels=1", ","))
	// What a schedule leaves is garbage, and its heap is small.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	n, began := howMany(), time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i <= n && !t.Failed(); i = next.Add(1) {
				seed := *firstSeed + uint64(i-1)
				if wrong := simulate(t, seed); wrong != "" {
					t.Errorf("schedule %d: %s\nreplay: %s", i, wrong, replay(seed))
				}
				if i%100_000 == 0 {
					took := time.Since(began)
					t.Logf("%d schedules took %v; %v left", i, took.Round(time.Second), (took * time.Duration(n-i) / time.Duration(i)).Round(time.Second))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d schedules", min(n, next.Load()))
}

func replay(seed uint64) string {
	return fmt.Sprintf("go test ./stream -run 'TestSimulation$' -schedules 1 -seed %d", seed)
}

// simulate runs one schedule and returns what was wrong, with a trace.
func simulate(t *testing.T, seed uint64) (wrong string) {
	var w *world
	defer func() {
		if p := recover(); p != nil { // goroutines are left, or all wait for ever
			wrong = fmt.Sprintf("%v\n%s", p, w.story())
		}
	}()
	hangs := time.AfterFunc(time.Minute, func() { panic("a schedule takes a minute; replay: " + replay(seed)) })
	defer hangs.Stop()
	pprof.Do(context.Background(), pprof.Labels("seed", strconv.FormatUint(seed, 10)), func(context.Context) {
		synctest.Test(t, func(*testing.T) {
			w = newWorld(seed)
			w.run()
		})
	})
	if len(w.wrong) == 0 {
		return ""
	}
	return strings.Join(w.wrong, "\n") + "\n" + w.story()
}

// story is the trace.
func (w *world) story() string {
	var b strings.Builder
	for _, l := range w.trace {
		fmt.Fprintf(&b, "%12v  "+l.format+"\n", append([]any{l.at.Round(time.Microsecond)}, l.args...)...)
	}
	return b.String()
}
