//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is the table of a run.
type report struct {
	seed  uint64
	began time.Time
	lines []string
	sum   outcome
}

func (r *report) add(name string, o outcome, err error) {
	broken := fmt.Sprint(len(o.violations))
	if err != nil {
		broken += ", and broke off"
	}
	r.lines = append(r.lines, fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %s |", name, o.injected, o.posts, o.unknown, o.edits, o.frames, o.streams, broken))
	r.sum.add(o)
}

// write writes the table in Markdown.
func (r *report) write(out io.Writer) error {
	fmt.Fprintf(out, "%s, seed %d, %s, %s/%s, %d processors%s.\n\n", r.began.UTC().Format("2006-01-02"), r.seed,
		time.Since(r.began).Round(time.Second), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), memory())
	fmt.Fprintln(out, "| fault | times | messages acknowledged | of these unknown at first | edited or deleted | events shown | connections | violations |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|")
	for _, line := range r.lines {
		fmt.Fprintln(out, line)
	}
	_, err := fmt.Fprintf(out, "| **all** | %d | %d | %d | %d | %d | %d | %d |\n", r.sum.injected, r.sum.posts, r.sum.unknown, r.sum.edits, r.sum.frames, r.sum.streams, len(r.sum.violations))
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
