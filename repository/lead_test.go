package repository

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// writtenBy is who ran a change: "lead", its own caller, or "run", the loop.
func writtenBy(t testing.TB, r *Repository) string {
	t.Helper()
	by, err := write(t.Context(), r, func(_ context.Context, u *unit) (string, error) {
		u.dirty = true
		for _, who := range []string{"lead", "run"} {
			if strings.Contains(string(debug.Stack()), "(*writer)."+who+"(") {
				return who, nil
			}
		}
		return "nobody that is known", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func TestALoneChangeIsWrittenByItsOwnCaller(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		if by := writtenBy(t, s.open(t)); by != "lead" {
			t.Errorf("it was written by %s", by)
		}
	})
}

// A caller whose first step took long could not be refused in time if the next one
// hung.
func TestAChangeThatWaitedLongForTheLockIsFinishedByTheLoop(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		release := hold(t, there)
		timer := time.AfterFunc(3*leadWithin, release)
		defer timer.Stop()
		if by := writtenBy(t, here); by != "run" {
			t.Errorf("it was written by %s", by)
		}
		release()
		// The loop answers before it gives the turn back.
		eventually(t, "the callers write again", func() bool { return writtenBy(t, here) == "lead" })
	})
}
