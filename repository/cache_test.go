package repository

import (
	"context"
	"testing"

	"parley/chat"
)

// Each is done by another process while this one remembers.
func TestWhatIsRememberedHoldsOnlyUntilSomebodyElseWrites(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.open(t), s.open(t) // on SQLite as a command writes beside the server
		as := signUp(t, here, "ann", "bob")
		makeChat(t, here, as["ann"], "den", chat.Private, nil)
		post := func(who string) error {
			_, err := here.Post(t.Context(), as[who], chat.Post{Chat: "den", Text: "hello"})
			return err
		}
		remember := func(who string) {
			t.Helper()
			for range 3 {
				wantRefusal(t, post(who), nil)
			}
		}
		for _, step := range []struct {
			what   string
			change func() error
			want   *chat.Error
		}{
			{"a post", func() error {
				_, err := there.Post(t.Context(), as["ann"], chat.Post{Chat: "den", Text: "there"})
				return err
			}, nil},
			{"a removal", func() error { return there.RemoveMember(t.Context(), as["ann"], "den", "bob") }, chat.ErrNotFound},
			{"a logout", func() error { return there.EndSession(t.Context(), as["bob"].Session) }, chat.ErrSessionEnded},
			{"a disabling", func() error { return there.DisableUser(t.Context(), "bob") }, chat.ErrSessionEnded},
		} {
			t.Log(step.what)
			as["bob"] = logIn(t, here, "bob")
			if _, err := here.PutMember(t.Context(), as["ann"], "den", "bob", ""); err != nil {
				t.Fatal(err)
			}
			remember("bob")
			if err := step.change(); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, post("bob"), step.want)
		}
		remember("ann")
		if err := there.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, post("ann"), chat.ErrNotFound)
		wantWholeLog(t, here)
	})
}

// A post that is begun, decided and committed in one message waits there for the lock,
// and what it was decided by may change meanwhile.
func TestWhatIsRememberedDoesNotOutlastTheWaitForTheLock(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		as := signUp(t, here, "ann", "bob")
		makeChat(t, here, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		for range 3 {
			say(t, here, as["bob"], "den", "hello")
			say(t, here, as["ann"], "den", "hello")
		}
		held, goOn := make(chan struct{}), make(chan struct{})
		errs := together(
			func() error {
				_, err := write(t.Context(), there, "", func(ctx context.Context, tx *transaction) (none struct{}, err error) {
					close(held)
					<-goOn
					tx.leave(9, "den", memberRow{Username: "bob"}) // behind two joins and six posts
					return none, nil
				})
				return err
			},
			func() error {
				<-held
				_, err := here.Post(t.Context(), as["bob"], chat.Post{Chat: "den", Text: "too late"})
				return err
			},
			func() error {
				<-held
				_, err := here.Post(t.Context(), as["ann"], chat.Post{Chat: "den", Text: "in time"})
				return err
			},
			func() error {
				defer close(goOn)
				<-held
				eventually(t, "a post waits", func() bool {
					return here == there && waiting(here) == 2 || here != there && number(t, there, waitsForALock) == 1
				})
				return nil
			})
		wantRefusal(t, errs[0], nil)
		wantRefusal(t, errs[1], chat.ErrNotFound)
		wantRefusal(t, errs[2], nil)
		wantWholeLog(t, here)
	})
}
