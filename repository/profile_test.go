package repository

import (
	"errors"
	"testing"
	"time"

	"parley/chat"
)

func TestOneSignInTooManyEndsTheLongestUnused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t, func(o *Options) { o.MaxSignIns = 3 })
		first := signUp(t, r, "ann")["ann"]
		second := logIn(t, r, "ann")
		eventually(t, "the next sign-in is in another millisecond", inAnotherMillisecond())
		third := logIn(t, r, "ann")
		renew := renewed(1)
		if _, err := r.RenewSession(t.Context(), first.Session, 0, renew); err != nil {
			t.Fatal(err)
		}
		fourth := logIn(t, r, "ann")
		for name, c := range map[string]struct {
			actor chat.Actor
			want  error
		}{"first": {first, nil}, "second": {second, chat.ErrSessionEnded}, "third": {third, nil}, "fourth": {fourth, nil}} {
			if _, err := r.User(t.Context(), c.actor); !errors.Is(err, c.want) {
				t.Errorf("the %s: %v, want %v", name, err, c.want)
			}
		}
		events := logAfter(t, r, 0)
		if last := events[len(events)-1]; len(events) != 1 || last.Kind != string(chat.KindSessionEnded) || last.Session != second.Session {
			t.Errorf("the log is %+v", events)
		}
	})
}

// inAnotherMillisecond says that the millisecond in which it was called is over: times are
// stored to one.
func inAnotherMillisecond() func() bool {
	began := time.Now().UnixMilli()
	return func() bool { return time.Now().UnixMilli() > began }
}

func TestALoginThatMeetsAPasswordChangeIsRefusedOrEnded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		ann := signUp(t, one, "ann")["ann"]
		hash := "hash of ann"
		for range 15 {
			session := newSession("ann")
			session.PasswordHash = hash
			errs := together(
				func() error { return one.CreateSession(t.Context(), session) },
				func() error { return other.SetOwnPassword(t.Context(), ann, hash, hash+".") },
			)
			hash += "."
			if errs[1] != nil || errs[0] != nil && !errors.Is(errs[0], chat.ErrBadCredentials) {
				t.Fatal(errs)
			}
			_, err := one.User(t.Context(), chat.Actor{Username: "ann", Session: session.ID})
			wantRefusal(t, err, chat.ErrSessionEnded)
		}
		wantRefusal(t, one.SetOwnPassword(t.Context(), ann, "hash of ann", "another"), chat.ErrWrongPassword)
		_, err := one.User(t.Context(), ann)
		wantRefusal(t, err, nil)
	})
}

// However many there are, and from before the limit.
func TestAllOtherSignInsEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		fillSessions(t, r, as["ann"], 2*endedAtOnce+1)
		if err := r.EndOtherSessions(t.Context(), as["ann"]); err != nil {
			t.Fatal(err)
		}
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE ended_pos IS NULL`); n != 2 {
			t.Errorf("%d sessions go on, want ann's and bob's", n)
		}
		wantWholeLog(t, r)
	})
}

func TestATicketIsSpentOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		for want := range 2 {
			r := []*Repository{one, other}[want]
			first, err := r.SpendTicket(t.Context(), "ann", "a ticket", chat.TimeFromMilli(1))
			if err != nil || first != (want == 0) {
				t.Errorf("the first: %t, %v", first, err)
			}
		}
		if err := one.dropTickets(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := number(t, one, `SELECT count(*) FROM spent_tickets`); n != 0 {
			t.Errorf("%d tickets are left behind their end", n)
		}
	})
}
