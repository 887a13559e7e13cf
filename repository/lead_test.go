package repository

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// written makes a change and says who ran it: "lead", its own caller, or "run", the
// loop.
func written(ctx context.Context, r *Repository) (by string, err error) {
	return write(ctx, r, func(_ context.Context, tx *transaction) (string, error) {
		tx.dirty = true
		for _, who := range []string{"lead", "run"} {
			if strings.Contains(string(debug.Stack()), "(*writer)."+who+"(") {
				return who, nil
			}
		}
		return "nobody that is known", nil
	})
}

// eventuallyLed waits until a change is written by its own caller: the loop answers
// before it gives the turn back, and one whose first step takes long, as on a busy
// machine, is the loop's.
func eventuallyLed(t testing.TB, r *Repository) {
	t.Helper()
	eventually(t, "a change is written by its own caller", func() bool {
		by, err := written(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return by == "lead"
	})
}

func TestALoneChangeIsWrittenByItsOwnCaller(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) { eventuallyLed(t, s.open(t)) })
}

// waitsForALock counts the statements of a database that do.
const waitsForALock = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// A caller whose first step took long could not be refused in time if the next one
// hung.
func TestAChangeThatWaitedLongForTheLockIsFinishedByTheLoop(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		release := hold(t, there)
		defer release()
		answered := make(chan string, 1)
		go func() {
			by, err := written(t.Context(), here)
			if err != nil {
				by = err.Error()
			}
			answered <- by
		}()
		// Its first step has begun when it waits.
		eventually(t, "the change waits", func() bool {
			if here == there {
				return waiting(here) == 1
			}
			return number(t, there, waitsForALock) == 1
		})
		timer := time.AfterFunc(leadWithin+leadWithin/4, release)
		defer timer.Stop()
		if by := <-answered; by != "run" {
			t.Errorf("it was written by %s", by)
		}
		eventuallyLed(t, here)
	})
}
