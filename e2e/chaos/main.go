//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// options are what can be chosen.
type options struct {
	seed    uint64
	short   bool
	only    string
	minutes float64
	// together is how many faults are tried beside one another, each with instances of its own.
	together int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	broken := false
	if err == nil {
		broken, err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || broken {
		os.Exit(1)
	}
}

func parse(arguments []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what chance begins with; a failure names it")
	flags.BoolVar(&o.short, "short", false, "do each only a few times, as the tests do")
	flags.StringVar(&o.only, "only", "", "do only what has this `text` in its name")
	flags.Float64Var(&o.minutes, "minutes", 0, "do so much of each that all of it takes about so long; 0 is all of it")
	flags.IntVar(&o.together, "together", 3, "try `N` faults beside one another: most of their time they wait")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if o.together < 1 {
		return o, fmt.Errorf("-together %d: at least 1", o.together)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return o, nil
}

// task is a fault and how often it is done.
type task struct {
	fault
	times int
}

// expected is about how long the task takes, with what a plant takes to start and to judge.
func (t task) expected() time.Duration {
	rounds := (t.times + perRound - 1) / perRound
	return time.Duration(t.times)*t.each + time.Duration(rounds)*8*time.Second
}

func plan(o options) (tasks []task, err error) {
	var all time.Duration
	for _, f := range faults() {
		t := task{f, f.count}
		if o.short {
			t.times = f.short
		}
		if t.times > 0 && strings.Contains(f.name, o.only) {
			tasks = append(tasks, t)
			all += t.expected()
		}
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("-only %s: nothing is called that", o.only)
	}
	if within := time.Duration(o.minutes * float64(o.together) * float64(time.Minute)); within > 0 && within < all {
		for i := range tasks {
			tasks[i].times = max(1, int(float64(tasks[i].times)*float64(within)/float64(all)))
		}
	}
	return tasks, nil
}

// run does all tasks, some beside one another, tells out the table and doing what it is
// about. broken says that a promise was.
func run(ctx context.Context, o options, out, doing io.Writer) (broken bool, err error) {
	tasks, err := plan(o)
	if err != nil {
		return false, err
	}
	e, err := newEnv()
	if err != nil {
		return false, err
	}
	defer e.close()
	report := report{seed: o.seed, began: time.Now(), together: o.together, rows: make([]row, len(tasks))}
	progress := newProgress(doing, tasks, o.together)
	var working errgroup.Group
	working.SetLimit(o.together)
	for i, t := range tasks {
		working.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			done, err := e.do(ctx, t.fault, t.times, o.seed, func(o outcome) { progress.tell(t, o) })
			progress.end(t, done, err)
			report.rows[i] = row{t.name, done, err}
			return nil
		})
	}
	_ = working.Wait() // what broke off is in its row
	return report.broken(), report.write(out)
}
