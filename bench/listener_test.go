package main

import (
	"testing"
	"time"
)

func TestFramesAreCountedInWindowsOfWholeSeconds(t *testing.T) {
	every := func(pause time.Duration, n int) (at []time.Duration) {
		for i := range n {
			at = append(at, time.Duration(i)*pause)
		}
		return at
	}
	for name, test := range map[string]struct {
		at   []time.Duration
		want float64
	}{
		"none":                    {nil, 0},
		"one":                     {every(0, 1), 0},
		"a second apart":          {every(time.Second, 6), 1},
		"the first of them late":  {append([]time.Duration{900 * time.Millisecond}, every(time.Second, 6)[1:]...), 1},
		"a little further apart":  {every(1050*time.Millisecond, 6), 5.0 / 6},
		"a little too near":       {every(800*time.Millisecond, 6), 5.0 / 4},
		"three in one second":     {[]time.Duration{0, 100 * time.Millisecond, 900 * time.Millisecond, 5 * time.Second}, 2},
		"a crowd of them at once": {every(0, 33), 32},
	} {
		t.Run(name, func(t *testing.T) {
			var heard []time.Time
			for _, at := range test.at {
				heard = append(heard, time.Unix(1000, 0).Add(at))
			}
			if got := mostASecond(heard); got != test.want {
				t.Errorf("%v frames a second, want %v", got, test.want)
			}
		})
	}
}
