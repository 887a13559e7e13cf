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
)

// options are what can be chosen.
type options struct {
	seed    uint64
	short   bool
	only    string
	minutes float64
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
	if err := flags.Parse(arguments); err != nil {
		return o, err
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
	if within := time.Duration(o.minutes * float64(time.Minute)); within > 0 && within < all {
		for i := range tasks {
			tasks[i].times = max(1, int(float64(tasks[i].times)*float64(within)/float64(all)))
		}
	}
	return tasks, nil
}

// run does all tasks, tells out the table and doing what it is about. broken says that a
// promise was.
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
	var left time.Duration
	for _, t := range tasks {
		left += t.expected()
	}
	report := report{seed: o.seed, began: time.Now()}
	for _, t := range tasks {
		fmt.Fprintf(doing, "%s, %d times; about %s left\n", t.name, t.times, left.Round(time.Second))
		done, err := e.do(ctx, t.fault, t.times, o.seed, func(o outcome) {
			fmt.Fprintf(doing, "  %d of %d, %d posts, %d frames, %d violations; about %s left\n", o.injected, t.times, o.posts, o.frames, len(o.violations),
				max(0, left-o.took).Round(time.Second))
		})
		for _, violation := range done.violations {
			fmt.Fprintln(doing, "VIOLATION:", violation)
			broken = true
		}
		if done.folder != "" {
			fmt.Fprintln(doing, "what the instances printed is in", done.folder)
		}
		report.add(t.name, done, err)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			fmt.Fprintln(doing, "FAILED:", err)
			broken = true
		}
		left -= t.expected()
	}
	return broken, report.write(out)
}
