//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/e2e/chaos/site"
)

// rest is what an instance holds: descriptors, goroutines, and bytes on its heap.
type rest struct{ descriptors, goroutines, heap int }

// slack is how much more an instance may hold behind a run than before it: connections to the
// database are opened as they are needed, and kept for a while; rooms keep what was posted; and
// what nothing refers to counts until it is collected, which the looks themselves bring about.
var slack = rest{descriptors: 64, goroutines: 64, heap: 6 << 20}

// atRest says of each instance that does not come back to what it held when it was new.
func (p *plant) atRest(fresh rest) (violations []string) {
	for n, instance := range p.instances {
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			now, err := held(instance)
			if err == nil && now.within(fresh) {
				break
			}
			if time.Now().After(deadline) {
				if err != nil {
					violations = append(violations, fmt.Sprintf("Instance %d does not say what it holds: %v", n, err))
					break
				}
				violations = append(violations, fmt.Sprintf("Instance %d holds %d descriptors, %d goroutines and %d bytes behind the run; a new one held %d, %d and %d.",
					n, now.descriptors, now.goroutines, now.heap, fresh.descriptors, fresh.goroutines, fresh.heap))
				break
			}
		}
	}
	return violations
}

// within says that it is no more than slack above what an instance held when it was new.
func (r rest) within(fresh rest) bool {
	return r.descriptors <= fresh.descriptors+slack.descriptors && r.goroutines <= fresh.goroutines+slack.goroutines &&
		r.heap <= fresh.heap+slack.heap
}

// held is what an instance holds.
func held(i *site.Instance) (r rest, err error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.PID()))
	if err != nil {
		return r, err
	}
	r.descriptors = len(entries)
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + i.Addr + "/metrics")
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, _ := strconv.ParseFloat(text, 64)
		switch name {
		case "go_goroutines":
			r.goroutines = int(value)
		case "go_memstats_heap_alloc_bytes":
			r.heap = int(value)
		}
	}
	if r.goroutines == 0 || r.heap == 0 {
		return r, errors.New("its metrics name no goroutines and no heap")
	}
	return r, nil
}
