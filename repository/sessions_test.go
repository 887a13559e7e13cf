package repository

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

func TestASessionIsReadAsItWasStored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "ann")
		want := newSession("ann")
		if err := r.CreateSession(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, now, err := r.Session(t.Context(), want.ID)
		if err != nil || !reflect.DeepEqual(got, want.Session) {
			t.Errorf("got %+v, %v; want %+v", got, err, want.Session)
		}
		// The databases of these tests are on this machine.
		if off := time.Since(now); off < -time.Second || off > patience {
			t.Errorf("the database's clock is off by %s", off)
		}
		_, _, err = r.Session(t.Context(), "no such session")
		wantRefusal(t, err, chat.ErrSessionEnded)
	})
}

func TestOnlyAnEnabledUserGetsASession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		wantRefusal(t, r.CreateSession(t.Context(), newSession("nobody")), chat.ErrBadCredentials)
		signUp(t, r, "ann")
		if err := r.DisableUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, r.CreateSession(t.Context(), newSession("ann")), chat.ErrBadCredentials)
	})
}

func renewed(generation int64) auth.SessionTokens {
	now := time.Now().Add(time.Minute).Truncate(time.Millisecond).UTC()
	return auth.SessionTokens{
		Generation: generation, RefreshHash: []byte{byte(generation), 0, 255},
		RefreshedAt: now, RefreshExpires: now.Add(time.Hour), AccessExpires: now.Add(time.Minute),
	}
}

func TestASessionIsRenewedFromTheGenerationItIsAt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		id := signUp(t, r, "ann")["ann"].Session
		next := renewed(1)
		if did, err := r.RenewSession(t.Context(), id, 0, next); err != nil || !did {
			t.Fatalf("renewing: %t, %v", did, err)
		}
		for _, generation := range []int64{0, 2} {
			if did, err := r.RenewSession(t.Context(), id, generation, renewed(9)); err != nil || did {
				t.Errorf("renewing from generation %d: %t, %v; want false", generation, did, err)
			}
		}
		got, _, err := r.Session(t.Context(), id)
		want := auth.Session{ID: id, Username: "ann", CreatedAt: got.CreatedAt, SessionTokens: next}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if n := len(logAfter(t, r, 0)); n != 0 {
			t.Errorf("a renewal is no event, but the log has %d", n)
		}
	})
}

func TestOfManyWhoRenewASessionAtOnceOneDoes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		id := signUp(t, one, "ann")["ann"].Session
		spent := errors.New("not renewed")
		for generation := range int64(5) {
			renew := func(r *Repository) func() error {
				return func() error {
					did, err := r.RenewSession(t.Context(), id, generation, renewed(generation+1))
					if err == nil && !did {
						err = spent
					}
					return err
				}
			}
			did := 0
			for _, err := range together(renew(one), renew(other), renew(one), renew(other)) {
				switch {
				case err == nil:
					did++
				case err != spent:
					t.Error(err)
				}
			}
			if did != 1 {
				t.Fatalf("generation %d was renewed %d times", generation, did)
			}
		}
	})
}

func TestASessionEndsOnceAtAPosition(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actor := signUp(t, r, "ann")["ann"]
		other := logIn(t, r, "ann")
		for range 2 {
			if err := r.EndSession(t.Context(), actor.Session); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.EndSession(t.Context(), "no such session"); err != nil {
			t.Fatal(err)
		}
		want := logged{Pos: 1, Kind: string(chat.KindSessionEnded), Username: "ann", Session: actor.Session}
		if rows := logAfter(t, r, 0); len(rows) != 1 || rows[0] != want {
			t.Errorf("the log says %+v, want %+v alone", rows, want)
		}
		_, _, err := r.Session(t.Context(), actor.Session)
		wantRefusal(t, err, chat.ErrSessionEnded)
		if did, err := r.RenewSession(t.Context(), actor.Session, 0, renewed(1)); err != nil || did {
			t.Errorf("renewing a session that is over: %t, %v", did, err)
		}
		_, err = r.User(t.Context(), other)
		wantRefusal(t, err, nil)
	})
}

func TestTheSessionsOfADisabledUserAreOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actor := signUp(t, r, "ann")["ann"]
		if err := r.DisableUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		before := headOf(t, r)
		_, _, err := r.Session(t.Context(), actor.Session)
		wantRefusal(t, err, chat.ErrSessionEnded)
		if did, err := r.RenewSession(t.Context(), actor.Session, 0, renewed(1)); err != nil || did {
			t.Errorf("renewing: %t, %v", did, err)
		}
		if err := r.EndSession(t.Context(), actor.Session); err != nil || headOf(t, r) != before {
			t.Errorf("ending it again: %v, and the head went from %d to %d", err, before, headOf(t, r))
		}
	})
}
