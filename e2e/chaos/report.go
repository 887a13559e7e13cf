//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the table of a run.
type report struct {
	seed     uint64
	began    time.Time
	together int
	rows     []row
}

// row is what came of one fault. err is why it broke off.
type row struct {
	name string
	outcome
	err error
}

// broken says that a promise was broken, or that a fault could not be tried as often as it
// should have been.
func (r *report) broken() bool {
	return slices.ContainsFunc(r.rows, func(row row) bool { return row.err != nil || len(row.violations) > 0 })
}

// write writes the table in Markdown. A fault that the end of the run left no time for is not
// in it.
func (r *report) write(out io.Writer) error {
	fmt.Fprintf(out, "%s, seed %d, %s, %s/%s, %d processors%s, %d faults beside one another.\n\n", r.began.UTC().Format("2006-01-02"), r.seed,
		time.Since(r.began).Round(time.Second), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), memory(), r.together)
	fmt.Fprintln(out, "| fault | times | messages acknowledged | of these unknown at first | edited or deleted | events shown | connections | back after | violations |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	var sum outcome
	for _, row := range r.rows {
		if row.name == "" {
			continue
		}
		row.write(out, row.name)
		sum.add(row.outcome)
	}
	return row{outcome: sum}.write(out, "**all**")
}

func (r row) write(out io.Writer, name string) error {
	broken := fmt.Sprint(len(r.violations))
	if r.err != nil {
		broken += ", and broke off"
	}
	back := ""
	if r.back > 0 {
		back = r.back.Round(100 * time.Millisecond).String()
	}
	_, err := fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %d | %d | %s | %s |\n", name, r.injected, r.posts, r.unknown, r.edits, r.frames, r.streams, back, broken)
	return err
}

// memory is how much the machine has, where that can be told.
func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	var kib int
	if first, _, _ := strings.Cut(string(text), "\n"); err == nil {
		if _, err := fmt.Sscanf(first, "MemTotal: %d kB", &kib); err == nil {
			return fmt.Sprintf(", %d GiB", kib>>20)
		}
	}
	return ""
}
