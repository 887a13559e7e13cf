package repository

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// Nobody knows yet whose sign-ins and refreshes are, so that they share their places with one another.
func TestTicketsOfOneUserLeaveStrangersTheirReads(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		release := holdTickets(t, r)
		t.Cleanup(release)
		const many = 400
		var all sync.WaitGroup
		var busy atomic.Int64
		for i := range many {
			all.Go(func() {
				_, err := r.SpendTicket(t.Context(), "ann", fmt.Sprint("ticket ", i), chat.NewTime(time.Now().Add(time.Minute)))
				if errors.Is(err, chat.ErrBusy) {
					busy.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, "one user's tickets wait", func() bool {
			return waiting(r) == many || r.gate.waitingOf("ann")+r.gate.waitingOf("") == maxReadsWaiting && busy.Load() > 0
		})
		for what, read := range map[string]func() error{
			"sign-in":          func() error { _, err := r.Account(t.Context(), "bob"); return err },
			"refresh":          func() error { _, _, err := r.Session(t.Context(), as["bob"].Session); return err },
			"broker's read":    func() error { _, _, err := r.After(t.Context(), 0, 10); return err },
			"ticket's reading": func() error { _, _, err := r.TicketSession(t.Context(), as["bob"], "ticket"); return err },
		} {
			if err := read(); err != nil {
				t.Errorf("a stranger's %s: %v", what, err)
			}
		}
		release()
		all.Wait()
	})
}

// holdTickets lets nobody spend one until the returned function is called.
func holdTickets(t *testing.T, r *Repository) (release func()) {
	t.Helper()
	if r.dialect == sqliteDialect {
		return hold(t, r)
	}
	locked, err := r.pool.BeginTxx(t.Context(), nil)
	if err == nil {
		_, err = locked.Exec(`SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE spent_tickets IN EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := locked.Rollback(); err != nil {
			t.Error(err)
		}
	})
}

func TestATicketThatWasSpentIsFoundByItsSession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		for _, want := range []bool{false, true} {
			session, spent, err := r.TicketSession(t.Context(), ann, "a ticket")
			if err != nil || session.ID != ann.Session || session.Username != "ann" || spent != want {
				t.Errorf("%+v, %v, %v", session, spent, err)
			}
			first, err := r.SpendTicket(t.Context(), "ann", "a ticket", chat.NewTime(time.Now().Add(time.Minute)))
			if err != nil || first == want {
				t.Errorf("the first: %v, %v", first, err)
			}
		}
		wantRefusal(t, r.EndSession(t.Context(), ann.Session), nil)
		_, _, err := r.TicketSession(t.Context(), ann, "a ticket")
		wantRefusal(t, err, chat.ErrSessionEnded)
	})
}

// On SQLite all wait for the log's one connection; readers would wait with them.
func TestATicketThatIsSpentTakesNoPlaceOfThoseWhoReadAFile(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	holdReads(t, r)
	if first, err := r.SpendTicket(t.Context(), "ann", "a ticket", chat.NewTime(time.Now().Add(time.Minute))); err != nil || !first {
		t.Errorf("%v, %v", first, err)
	}
}

func TestWhoIsKnownReadsBesideThoseWhoAreNot(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		foreign := subjectOf("1", "ann")
		admit(t, r, foreign)
		for range r.gate.half { // as sign-ins that take long
			if err := r.gate.enter(t.Context(), "", 1); err != nil {
				t.Fatal(err)
			}
			defer r.gate.leave("", 1)
		}
		admit(t, r, foreign)
		if _, _, err := r.TicketSession(t.Context(), ann, "a ticket"); err != nil {
			t.Errorf("a ticket's session: %v", err)
		}
	})
}
