//go:build race

package stream

// A schedule takes ten times as long under the race detector, and the detector itself has
// failed by the number of goroutines that many schedules make.
func init() { defaultSchedules = 200 }
