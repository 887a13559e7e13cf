package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// scenario is something that is asked of every carrier in turns.
type scenario struct {
	name     string
	carriers []carrier
	// lasts is about how long one turn of one carrier takes.
	lasts time.Duration
	// measure does it once.
	measure func(ctx context.Context, by carrier) (figures, latencies, error)
	// wanted is what each of ours is to reach.
	wanted []wanted
}

// wanted is something that parley is to reach.
type wanted struct {
	what string
	// of measures it, among what was measured of all; it is no number where what it
	// is compared with is missing.
	of func(ours figures, of func(carrier string) figures) float64
	// enough says whether that is enough, and write how it is written.
	enough func(v float64) bool
	write  func(v float64) string
	// by, where it is set, is the only one of ours of whom it is wanted.
	by string
}

// results are what a scenario has measured.
type results struct {
	runs   map[string][]figures
	took   map[string]latencies
	failed map[string]error
}

// of is what was measured of a carrier.
func (r *results) of(carrier string) figures { return medians(r.runs[carrier]) }

// section is the scenario as a part of the table.
func (s *scenario) section(turns int, picture func(*scenario, *results)) section {
	r := &results{runs: make(map[string][]figures), took: make(map[string]latencies), failed: make(map[string]error)}
	g := group{name: "streams/" + s.name}
	for turn := range turns {
		for _, by := range s.carriers {
			g.cells = append(g.cells, cell{
				name: by.name, doing: fmt.Sprintf("turn %d of %d", turn+1, turns), lasts: s.lasts,
				measure: func(ctx context.Context) ([]string, error) { return nil, s.turn(ctx, by, r) },
			})
		}
	}
	g.results = func() (rows, targets [][]string) {
		picture(s, r)
		for _, by := range s.carriers {
			switch err := r.failed[by.name]; {
			case err != nil:
				rows = append(rows, []string{by.name, "failed: " + err.Error()})
			case len(r.runs[by.name]) > 0:
				rows = append(rows, append([]string{by.name}, r.of(by.name).columns()...))
				targets = append(targets, s.targets(by, r)...)
			}
		}
		return rows, targets
	}
	return section{
		title:   "Streams: " + s.name,
		columns: append([]string{"server"}, figureColumns...),
		groups:  []group{g},
	}
}

// turn measures a carrier once. A rival may fail, and then is asked no more.
func (s *scenario) turn(ctx context.Context, by carrier, r *results) error {
	if r.failed[by.name] != nil {
		return nil
	}
	f, took, err := s.measure(ctx, by)
	switch {
	case err != nil && (by.ours || ctx.Err() != nil):
		return err
	case err != nil:
		r.failed[by.name] = err
		return nil
	}
	r.runs[by.name] = append(r.runs[by.name], f)
	r.took[by.name] = r.took[by.name].plus(took)
	return nil
}

// targets are the lines about what is wanted of one of ours.
func (s *scenario) targets(by carrier, r *results) (lines [][]string) {
	if !by.ours {
		return nil
	}
	for _, w := range s.wanted {
		if w.by != "" && w.by != by.name {
			continue
		}
		v := w.of(r.of(by.name), r.of)
		measured, is := "-", "-"
		if !math.IsNaN(v) {
			measured, is = w.write(v), met(w.enough(v))
		}
		lines = append(lines, []string{by.name, w.what, measured, is})
	}
	return lines
}

// times wants a figure to be so many times, at least, that of a rival.
func times(least float64, f figure, rival string) wanted {
	return wanted{
		what: fmt.Sprintf("≥ %.1f times the deliveries/s of %s", least, rival),
		of: func(ours figures, of func(string) figures) float64 {
			return ours[f] / of(rival)[f]
		},
		enough: func(v float64) bool { return v >= least },
		write:  func(v float64) string { return fmt.Sprintf("%.2f", v) },
	}
}

// atMost wants a figure not to be greater.
func atMost(most float64, f figure, what string, write func(float64) string) wanted {
	return wanted{
		what:   what + " ≤ " + write(most),
		of:     func(ours figures, _ func(string) figures) float64 { return ours[f] },
		enough: func(v float64) bool { return v <= most },
		write:  write,
	}
}

// nothingWrong wants every message to be delivered once, in order, in good form.
var nothingWrong = atMost(0, wrong, "lost, repeated or broken", func(v float64) string { return fmt.Sprintf("%.0f", v) })
