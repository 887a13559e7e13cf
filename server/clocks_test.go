package server

import (
	"testing"
	"time"

	"parley/middleware"
)

func TestClocksDifferBeyondTheLeeway(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ended := began.Add(2 * time.Second)
	for _, c := range []struct{ theirs, want time.Duration }{
		{0, 0}, {2 * time.Second, 0}, {-middleware.Leeway, 0}, {2*time.Second + middleware.Leeway, 0},
		{-time.Hour, time.Hour}, {time.Hour, 2*time.Second - time.Hour},
	} {
		if off := clocksDiffer(began, ended, began.Add(c.theirs)); off != c.want {
			t.Errorf("a clock %v ahead: %v, want %v", c.theirs, off, c.want)
		}
	}
}
