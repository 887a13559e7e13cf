//go:build linux

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells what a run is doing, and about how long is left. Tasks call it at once.
type progress struct {
	out      io.Writer
	together int

	mu   sync.Mutex
	left map[string]time.Duration // of each task that is not done
}

func newProgress(out io.Writer, tasks []task, together int) *progress {
	p := &progress{out: out, together: together, left: make(map[string]time.Duration)}
	for _, t := range tasks {
		p.left[t.name] = t.expected()
	}
	return p
}

// tell prints what came of a task so far.
func (p *progress) tell(t task, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[t.name] = time.Duration(max(0, t.times-o.injected)) * (t.expected() / time.Duration(t.times))
	fmt.Fprintf(p.out, "%s: %d of %d, %d posts, %d frames, %d violations; about %s left\n",
		t.name, o.injected, t.times, o.posts, o.frames, len(o.violations), p.remaining().Round(time.Second))
}

// end prints what was found in a task that is over.
func (p *progress) end(t task, o outcome, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.left, t.name)
	for _, violation := range o.violations {
		fmt.Fprintln(p.out, "VIOLATION:", violation)
	}
	if o.folder != "" {
		fmt.Fprintln(p.out, "what the instances printed is in", o.folder)
	}
	if err != nil {
		fmt.Fprintf(p.out, "FAILED: %s: %v\n", t.name, err)
	}
}

// remaining is at least as long as the longest task that is not done. The caller holds mu.
func (p *progress) remaining() time.Duration {
	var sum, longest time.Duration
	for _, left := range p.left {
		sum += left
		longest = max(longest, left)
	}
	return max(sum/time.Duration(p.together), longest)
}
