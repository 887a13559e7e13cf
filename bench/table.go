package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// section is a part of the table.
type section struct {
	title   string
	columns []string
	groups  []group
	rows    [][]string
	// targets are lines about what is wanted, where that is no column.
	targets [][]string
}

// group is the cells that are measured on the same databases.
type group struct {
	name string
	// lasts is about how long it takes to open.
	lasts time.Duration
	// open and close stand around the cells of groups that need it; close is called
	// also where open failed.
	open  func(ctx context.Context) error
	close func() error
	cells []cell
	// results, where it is not nil, is the table that the cells have come to together,
	// header and rows, and lines about what was wanted.
	results func() (header []string, rows, targets [][]string, err error)
}

// cell is what is measured to fill a row.
type cell struct {
	name string
	// doing is told beside the name while it is measured.
	doing string
	lasts time.Duration
	// measure returns the row, or nil where only the group's cells together make
	// rows.
	measure func(ctx context.Context) ([]string, error)
}

// only leaves out every cell whose whole name does not hold part.
func (s *section) only(part string) {
	part = strings.ToLower(part)
	for i := range s.groups {
		g := &s.groups[i]
		g.cells = slices.DeleteFunc(g.cells, func(c cell) bool {
			return !strings.Contains(strings.ToLower(g.name+"/"+c.name), part)
		})
	}
	s.groups = slices.DeleteFunc(s.groups, func(g group) bool { return len(g.cells) == 0 })
}

func (s *section) lasts() (d time.Duration) {
	for _, g := range s.groups {
		d += g.lasts
		for _, c := range g.cells {
			d += c.lasts
		}
	}
	return d
}

// progress tells what is being done and how long is left.
type progress struct {
	out  io.Writer
	left time.Duration
}

func (p *progress) begin(what string, lasts time.Duration) {
	fmt.Fprintf(p.out, "%s, about %s left\n", what, p.left.Round(time.Second))
	p.left -= lasts
}

// measure fills the sections and writes them, also those that were filled before
// a failure or an interruption.
func measure(ctx context.Context, sections []section, out, doing io.Writer) (err error) {
	p := &progress{out: doing}
	for i := range sections {
		p.left += sections[i].lasts()
	}
	for i := range sections {
		if err = sections[i].measure(ctx, p); err != nil {
			break
		}
	}
	for i := range sections {
		err = errors.Join(err, sections[i].write(out))
	}
	return err
}

// measure fills the section's rows.
func (s *section) measure(ctx context.Context, p *progress) error {
	for _, g := range s.groups {
		if err := s.measureGroup(ctx, g, p); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

func (s *section) measureGroup(ctx context.Context, g group, p *progress) (err error) {
	if g.close != nil {
		defer func() { err = errors.Join(err, g.close()) }()
	}
	if g.open != nil {
		p.begin(g.name+": making databases", g.lasts)
		opening, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := g.open(opening); err != nil {
			return err
		}
	}
	if g.results != nil {
		// Also what was measured before a failure or an interruption.
		defer func() {
			var failed error
			s.columns, s.rows, s.targets, failed = g.results()
			err = errors.Join(err, failed)
		}()
	}
	for _, c := range g.cells {
		p.begin(strings.TrimSuffix(g.name+": "+c.name+", "+c.doing, ", "), c.lasts)
		row, err := c.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if row != nil {
			s.rows = append(s.rows, row)
		}
	}
	return nil
}

// write writes the section as text.
func (s *section) write(out io.Writer) error {
	if len(s.rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(out, "\n%s\n\n", s.title); err != nil {
		return err
	}
	if err := align(out, append([][]string{s.columns}, s.rows...)); err != nil || len(s.targets) == 0 {
		return err
	}
	fmt.Fprintln(out)
	return align(out, append([][]string{{"server", "wanted", "measured", "met"}}, s.targets...))
}

// align writes rows as columns.
func align(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
