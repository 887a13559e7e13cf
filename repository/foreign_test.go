package repository

import (
	"strings"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

// subjectOf is what a token of another issuer says.
func subjectOf(subject, name string) auth.Foreign {
	now := time.Now().Truncate(time.Second)
	return auth.Foreign{
		Issuer: "https://id.example", Subject: subject, Username: name + "@id", Fallback: "u-" + subject + "@id",
		Session: "session-of-" + subject, Issued: now, Expires: now.Add(time.Hour),
	}
}

// admit admits and returns the actor that the token speaks for.
func admit(t testing.TB, r *Repository, f auth.Foreign) chat.Actor {
	t.Helper()
	username, err := r.Admit(t.Context(), f)
	if err != nil {
		t.Fatalf("admitting %s: %v", f.Subject, err)
	}
	return chat.Actor{Username: username, Session: f.Session, Kind: chat.ForeignToken}
}

func TestASubjectSeenForTheFirstTimeBecomesAUser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "ann")
		named := subjectOf("1", "ann")
		named.DisplayName = "Ann Elsewhere"
		actor := admit(t, r, named)
		user, err := r.User(t.Context(), actor)
		if err != nil || user.Username != "ann@id" || user.DisplayName != "Ann Elsewhere" || user.Admin || user.Bot {
			t.Errorf("%+v, %v", user, err)
		}
		makeChat(t, r, actor, "theirs", chat.Private, map[string]chat.Role{"ann": chat.RoleMember})
		if m := say(t, r, actor, "theirs", "hello"); m.Author != "ann@id" {
			t.Errorf("%+v", m)
		}
		for _, again := range []string{"ann", "renamed"} {
			f := subjectOf("1", again)
			f.Session = "another"
			if actor := admit(t, r, f); actor.Username != "ann@id" {
				t.Errorf("the same subject is now %s", actor.Username)
			}
		}
		if second := admit(t, r, subjectOf("2", "ann")); second.Username != "u-2@id" {
			t.Errorf("another subject that claims the name became %s", second.Username)
		}
		elsewhere := subjectOf("1", "bob")
		elsewhere.Issuer, elsewhere.Session = "https://elsewhere.example", "elsewhere"
		if third := admit(t, r, elsewhere); third.Username != "bob@id" {
			t.Errorf("the same subject of another issuer became %s", third.Username)
		}
	})
}

func TestAForeignUserHasNoPasswordAndNoRefreshToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actor := admit(t, r, subjectOf("1", "ann"))
		if account, err := r.Account(t.Context(), actor.Username); err != nil || account.PasswordHash != "" {
			t.Errorf("%+v, %v", account, err)
		}
		session, _, err := r.Session(t.Context(), actor.Session)
		if err != nil || len(session.RefreshHash) != 0 {
			t.Errorf("%+v, %v", session, err)
		}
		// Whatever is said with its session's id fits no hash.
		service := auth.New(auth.Options{Store: r, RefreshKeys: [][]byte{make([]byte, 32)}})
		_, err = service.Refresh(t.Context(), actor.Session+".0."+strings.Repeat("A", 43))
		wantRefusal(t, err, chat.ErrBadRefreshToken)
	})
}

func TestAForeignSessionLastsAsLongAsItsLongestToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		f := subjectOf("1", "ann")
		first := f.Expires
		for _, expires := range []time.Time{first, first.Add(time.Hour), first.Add(30 * time.Minute)} {
			f.Expires = expires
			admit(t, r, f)
		}
		session, _, err := r.Session(t.Context(), f.Session)
		if want := first.Add(time.Hour); err != nil || !session.AccessExpires.Equal(want) || !session.RefreshExpires.Equal(want) {
			t.Errorf("%+v, %v; want its end at %v", session, err, want)
		}
	})
}

func TestAForeignSessionThatEndedStaysEnded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		f := subjectOf("1", "ann")
		actor := admit(t, r, f)
		before := headOf(t, r)
		if err := r.EndSession(t.Context(), f.Session); err != nil {
			t.Fatal(err)
		}
		wantTold(t, r, before, "session.ended /0 ann@id ")
		_, err := r.User(t.Context(), actor)
		wantRefusal(t, err, chat.ErrSessionEnded)
		// Also for the issuer's next token of it, and behind the cleaning of what is over.
		if err := r.dropSessions(t.Context(), time.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		f.Expires = f.Expires.Add(time.Hour)
		_, err = r.Admit(t.Context(), f)
		wantRefusal(t, err, chat.ErrSessionEnded)
		f.Session = "a new one"
		admit(t, r, f)
	})
}

func TestADisabledForeignUserStaysOut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		f := subjectOf("1", "ann")
		actor := admit(t, r, f)
		wantRefusal(t, changed(t, r, operator, actor.Username, chat.UserChange{Disabled: &yes}), nil)
		_, err := r.User(t.Context(), actor)
		wantRefusal(t, err, chat.ErrSessionEnded)
		for _, session := range []string{f.Session, "a new one"} {
			f.Session = session
			_, err := r.Admit(t.Context(), f)
			wantRefusal(t, err, chat.ErrSessionEnded)
		}
	})
}

func TestASubjectThatComesManyTimesAtOnceIsOneUser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				f := subjectOf([]string{"1", "2"}[i/2%2], "ann")
				username, err := []*Repository{one, other}[i%2].Admit(t.Context(), f)
				if err != nil || username != "ann@id" && username != f.Fallback {
					t.Errorf("%q, %v", username, err)
				}
			})
		}
		wg.Wait()
		if n := number(t, one, `SELECT count(*) FROM users`); n != 2 {
			t.Errorf("two subjects are %d users", n)
		}
		if n := number(t, one, `SELECT count(*) FROM sessions`); n != 2 {
			t.Errorf("two sessions are %d", n)
		}
	})
}
