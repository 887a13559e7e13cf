package repository

import (
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/repository/commitlog"
)

// writerOf is a store's instance that notes which goroutine committed last: "lead", a
// caller's own, or "run", the log's.
func writerOf(t testing.TB, s *store) (r *Repository, by *atomic.Value) {
	t.Helper()
	by = new(atomic.Value)
	r = s.open(t, func(o *Options) {
		o.Committed = func([]chat.Event) {
			for name, frame := range map[string]string{"lead": ").tryToLead(", "run": "(*Log[...]).run("} {
				if strings.Contains(string(debug.Stack()), frame) {
					by.Store(name)
				}
			}
		}
	})
	return r, by
}

// eventuallyLed waits until a post is committed by its own caller: the log's goroutine
// answers before it gives the lead back, and on a busy machine a first step may take
// long.
func eventuallyLed(t testing.TB, r *Repository, by *atomic.Value, actor chat.Actor) {
	t.Helper()
	eventually(t, "a post is committed by its own caller", func() bool {
		say(t, r, actor, "room", "hello")
		return by.Load() == "lead"
	})
}

func TestALonePostIsCommittedByItsOwnCaller(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r, by := writerOf(t, s)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		eventuallyLed(t, r, by, ann)
	})
}

// waitsForALock counts the statements of a database that do.
const waitsForALock = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// A caller whose first step took long could not be answered in time if the next one
// hung.
func TestAPostThatWaitedLongForTheLockIsFinishedByTheLog(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	here, by := writerOf(t, s)
	there := s.open(t)
	ann := signUp(t, here, "ann")["ann"]
	makeChat(t, here, ann, "room", chat.Private, nil)
	release := hold(t, there)
	defer release()
	answered := make(chan error, 1)
	go func() {
		_, err := here.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
		answered <- err
	}()
	// Its first step has begun when it waits.
	eventually(t, "the post waits", func() bool { return number(t, there, waitsForALock) == 1 })
	timer := time.AfterFunc(commitlog.LeadWithin+commitlog.LeadWithin/4, release)
	defer timer.Stop()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if by.Load() != "run" {
		t.Errorf("it was committed by %s", by.Load())
	}
	eventuallyLed(t, here, by, ann)
}
