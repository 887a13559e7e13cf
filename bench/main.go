package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"parley/auth"
)

func main() {
	if role := os.Getenv(childVariable); role != "" {
		exit(runRole(role))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Databases are removed after the first signal; a second one does not wait.
	context.AfterFunc(ctx, stop)
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are what can be chosen.
type options struct {
	only, db, rival string
	quick           bool
	// profiles is a folder for CPU profiles, and plots one for pictures; empty for none.
	profiles, plots string
	// messages is how many there are in the large log.
	messages int
	// soak is how long a cluster is used, and then nothing else is measured; 0 is not at
	// all.
	soak time.Duration
}

func parse(arguments []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.only, "only", "", "measure only what has this in its name, such as `posting/postgresql` or \"64 clients\"")
	flags.StringVar(&o.db, "db", "", "measure only this database: `sqlite or postgresql`")
	flags.StringVar(&o.rival, "rival", "", "beside parley, let only this server carry messages to readers: `limit, r3labs or socketio`")
	flags.BoolVar(&o.quick, "quick", false, "see that everything works, in seconds; the figures say nothing")
	flags.StringVar(&o.profiles, "profile", "", "write CPU profiles, of the servers too, to this `folder`")
	flags.StringVar(&o.plots, "plots", "", "draw pictures, for which rivals are measured with more and more readers too, into this `folder`")
	flags.IntVar(&o.messages, "messages", 1_000_000, "how many messages there are in the large log; the small one has 10,000")
	flags.DurationVar(&o.soak, "soak", 0, "measure nothing but three instances that 5,000 streams follow, for a `time` such as 30m")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	// The log's chats have the same number of messages each, and enough to be behind.
	if o.messages < 10_000 || o.messages%1000 != 0 {
		return o, fmt.Errorf("-messages %d: take thousands, and ten of them at least", o.messages)
	}
	if o.db != "" && o.db != "sqlite" && o.db != "postgresql" {
		return o, fmt.Errorf("-db %s: there are sqlite and postgresql", o.db)
	}
	return o, nil
}

// run measures, tells out what it found and doing what it is about.
func run(ctx context.Context, o options, out, doing io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	engines, err := openEngines(ctx, o, folder)
	defer func() {
		for _, e := range engines {
			err = errors.Join(err, e.close())
		}
	}()
	if err != nil {
		return err
	}
	sections, err := choose(ctx, o, engines, folder, doing)
	if err != nil {
		return err
	}
	if err := describe(out, engines, folder); err != nil {
		return err
	}
	stop, err := profile(o.profiles, "bench")
	if err != nil {
		return err
	}
	defer stop()
	return measure(ctx, sections, out, doing)
}

// choose makes the sections and leaves out what was not asked for.
func choose(ctx context.Context, o options, engines []*engine, folder string, doing io.Writer) ([]section, error) {
	hash, err := auth.HashPassword(ctx, password)
	if err != nil {
		return nil, err
	}
	scale := full(hash, o.messages)
	if o.quick {
		scale = quick(hash)
	}
	all, err := newSystems(engines, hash, folder, o.rival, doing)
	if err != nil {
		return nil, err
	}
	if o.soak > 0 {
		return soak(engines, hash, scale, o.soak)
	}
	sections := []section{posting(engines, scale), overHTTP(engines, scale), reading(engines, scale),
		changes(engines, scale), fullOfSessions(engines, scale), checking(engines[0], folder, scale), tail(folder, scale)}
	sections = append(sections, streams(all, scale, o.plots)...)
	sections = append(sections, neighbours(engines, all, scale)...)
	sections = append(sections, signals(all, scale)...)
	several, err := instances(engines, hash, scale, doing)
	if err != nil {
		return nil, err
	}
	sections = append(sections, several...)
	var names []string
	chosen := 0
	for i := range sections {
		for _, g := range sections[i].groups {
			names = append(names, g.name)
		}
		sections[i].only(o.only)
		chosen += len(sections[i].groups)
	}
	if chosen == 0 {
		return nil, fmt.Errorf("-only %s: nothing is called that; there are %s", o.only, strings.Join(names, ", "))
	}
	return sections, nil
}

func openEngines(ctx context.Context, o options, folder string) (engines []*engine, err error) {
	if o.db != "postgresql" {
		e, err := sqliteEngine(ctx, folder)
		if err != nil {
			return engines, fmt.Errorf("SQLite: %w", err)
		}
		engines = append(engines, e)
	}
	if o.db != "sqlite" {
		e, err := postgresEngine(ctx)
		if err != nil {
			return engines, err
		}
		engines = append(engines, e)
	}
	return engines, nil
}
