package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// scenario is something that several servers are asked to do, in turns.
type scenario struct {
	// part is the part of the table that it belongs to.
	part, name string
	entries    []entry
	// turns bounds how often each entry is measured, for what takes long; 0 is no
	// bound.
	turns int
	// baseline, where it is not empty, is the entry that all are compared with: ratios
	// to it come before everything else that was measured.
	baseline string
	// pictures, where it is not nil, draws what was measured of the entries.
	pictures func(r *results, names []string) []picture
}

// entry is a server that does it, or a way to do it.
type entry struct {
	name string
	// rival says that it may fail: then it is asked no more, and the table says so.
	rival bool
	// lasts is about how long it takes.
	lasts   time.Duration
	measure func(ctx context.Context) (figures, latencies, error)
	targets []target
}

// target is something that is to be reached.
type target struct {
	what string
	// of measures it, among what was measured of all entries; it is no number where
	// what it is compared with is missing.
	of     func(own figures, of func(entry string) figures) float64
	enough func(v float64) bool
	write  func(v float64) string
}

// results are what a scenario's entries have come to.
type results struct {
	runs   map[string][]figures
	took   map[string]latencies
	failed map[string]error
}

// of is what was measured of an entry; what was not is no number.
func (r *results) of(entry string) figures { return medians(r.runs[entry]) }

// section is the scenario as a part of the table.
// Pictures go into a folder, if there is one.
func (s *scenario) section(turns int, pictures string) section {
	r := &results{runs: make(map[string][]figures), took: make(map[string]latencies), failed: make(map[string]error)}
	if s.turns > 0 {
		turns = min(turns, s.turns)
	}
	g := group{name: strings.ToLower(s.part) + "/" + s.name}
	for turn := range turns {
		for _, e := range s.entries {
			g.cells = append(g.cells, cell{
				name: e.name, doing: fmt.Sprintf("turn %d of %d", turn+1, turns), lasts: e.lasts,
				measure: func(ctx context.Context) ([]string, error) { return nil, r.measure(ctx, e) },
			})
		}
	}
	g.results = func() (header []string, rows, targets [][]string, err error) {
		header, rows, targets = s.report(r)
		return header, rows, targets, s.draw(r, pictures)
	}
	return section{title: s.part + ": " + s.name, groups: []group{g}}
}

// draw draws the scenario's pictures into a folder; without one it does nothing.
func (s *scenario) draw(r *results, folder string) error {
	if s.pictures == nil || folder == "" {
		return nil
	}
	var names []string
	for _, e := range s.entries {
		names = append(names, e.name)
	}
	for _, p := range s.pictures(r, names) {
		if err := p.draw(folder); err != nil {
			return err
		}
	}
	return nil
}

// measure measures an entry once.
func (r *results) measure(ctx context.Context, e entry) error {
	if r.failed[e.name] != nil {
		return nil
	}
	f, took, err := e.measure(ctx)
	switch {
	case err != nil && (!e.rival || ctx.Err() != nil):
		return err
	case err != nil:
		r.failed[e.name] = err
		return nil
	}
	r.runs[e.name] = append(r.runs[e.name], f)
	r.took[e.name] = r.took[e.name].plus(took)
	return nil
}

// report is the scenario's table.
func (s *scenario) report(r *results) (header []string, rows, targets [][]string) {
	var names []string
	var all []figures
	var failed [][]string
	for _, e := range s.entries {
		switch err := r.failed[e.name]; {
		case err != nil:
			failed = append(failed, []string{e.name, "failed: " + err.Error()})
		case len(r.runs[e.name]) > 0:
			f := r.of(e.name)
			if s.baseline != "" {
				f = f.against(r.of(s.baseline))
			}
			names, all = append(names, e.name), append(all, f)
			for _, t := range e.targets {
				targets = append(targets, append([]string{e.name}, t.line(f, r.of)...))
			}
		}
	}
	header, rows = tabulate(names, all)
	return header, append(rows, failed...), targets
}

// line tells what is wanted, what was measured, and whether that is enough.
func (t target) line(own figures, of func(string) figures) []string {
	v := t.of(own, of)
	is := "-"
	if !math.IsNaN(v) {
		is = met(t.enough(v))
	}
	return []string{t.what, written(v, t.write), is}
}

// timesThat wants a figure to be so many times, at least, that of another.
func timesThat(least float64, f figure, other string) target {
	return target{
		what:   fmt.Sprintf("%s ≥ %.1f times that of %s", columns[f].name, least, other),
		of:     func(own figures, of func(string) figures) float64 { return own[f] / of(other)[f] },
		enough: func(v float64) bool { return v >= least },
		write:  func(v float64) string { return fmt.Sprintf("%.2f times", v) },
	}
}

// atMostTimes wants a figure to be so many times, at the most, that of another.
func atMostTimes(most float64, f figure, other string) target {
	what := fmt.Sprintf("%s ≤ %.1f times that of %s", columns[f].name, most, other)
	return below(most, what, f, func(_ figures, of func(string) figures) float64 { return of(other)[f] })
}

// atLeast wants a figure not to be less.
func atLeast(least float64, f figure) target {
	return target{
		what:   fmt.Sprintf("%s ≥ %s", columns[f].name, columns[f].write(least)),
		of:     func(own figures, _ func(string) figures) float64 { return own[f] },
		enough: func(v float64) bool { return v >= least },
		write:  columns[f].write,
	}
}

// atMost wants a figure not to be greater.
func atMost(most float64, f figure) target {
	return target{
		what:   fmt.Sprintf("%s ≤ %s", columns[f].name, columns[f].write(most)),
		of:     func(own figures, _ func(string) figures) float64 { return own[f] },
		enough: func(v float64) bool { return v <= most },
		write:  columns[f].write,
	}
}

// below wants a figure to be so many times, at the most, what is made of others.
func below(most float64, what string, f figure, of func(own figures, of func(string) figures) float64) target {
	return target{
		what: what,
		of: func(own figures, all func(string) figures) float64 {
			return own[f] / of(own, all)
		},
		enough: func(v float64) bool { return v <= most },
		write:  func(v float64) string { return fmt.Sprintf("%.2f times that", v) },
	}
}

// nothingWrong wants every message to be delivered once, in order, in good form.
var nothingWrong = atMost(0, wrong)
