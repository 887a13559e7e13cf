package e2e

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// deviations are what passed in the whole suite and is not as docs/openapi.yaml says, one
// line each. A transport does not know its test; the stack does.
var deviations deviationList

type deviationList struct {
	mu    sync.Mutex
	lines []string
}

func (d *deviationList) add(line string) {
	if test := runningTest(); test != "" {
		line = test + ": " + line
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.lines, line) {
		d.lines = append(d.lines, line)
	}
}

func (d *deviationList) found() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines
}

// runningTest is the test function that the goroutine is in; empty where it is in none.
func runningTest() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if name, ok := strings.CutPrefix(frame.Function, "parley/e2e.Test"); ok {
			return "Test" + name
		}
		if !more {
			return ""
		}
	}
}
