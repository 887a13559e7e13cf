//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"parley/e2e/chaos/site"
)

// rest is what an instance holds: descriptors and goroutines.
type rest struct{ descriptors, goroutines int }

// slack is how much more an instance may hold behind a run than before it: connections to the
// database are opened as they are needed, and kept for a while.
const slack = 64

// atRest says of each instance that does not come back to what it held when it was new.
func (p *plant) atRest(fresh rest) (violations []string) {
	for n, instance := range p.instances {
		var now rest
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			now = held(instance)
			if now.descriptors <= fresh.descriptors+slack && now.goroutines <= fresh.goroutines+slack {
				break
			}
			if time.Now().After(deadline) {
				violations = append(violations, fmt.Sprintf("Instance %d holds %d descriptors and %d goroutines behind the run; a new one held %d and %d.",
					n, now.descriptors, now.goroutines, fresh.descriptors, fresh.goroutines))
				break
			}
		}
	}
	return violations
}

// held is what an instance holds; nothing where it does not say.
func held(i *site.Instance) (r rest) {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.PID()))
	r.descriptors = len(entries)
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + i.Addr + "/metrics")
	if err != nil {
		return r
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			_, _ = fmt.Sscan(text, &r.goroutines)
		}
	}
	return r
}
