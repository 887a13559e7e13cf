//go:build race

package stream

import "runtime"

func init() {
	// A schedule takes ten times as long under the race detector, and the detector itself
	// has failed by the number of goroutines that many schedules make.
	defaultSchedules = 200

	// Go 1.26 runs a timer of simulated time that is due at once on the goroutine that
	// sets it or asks its channel, and under a race context of which a bubble has one. Two
	// such goroutines at the same time break the detector ("ThreadSanitizer: CHECK
	// failed", golang.org/issue/78156). On one processor there are never two, and races
	// are found all the same: by what happens before what, not by what runs beside what.
	runtime.GOMAXPROCS(1)
}
