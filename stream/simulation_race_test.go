//go:build race

package stream

// A schedule takes ten times as long under the race detector.
func init() { defaultSchedules = 1000 }
