package repository

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/auth"
	"parley/chat"
)

func TestAUsernameIsGivenOnceForEver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "ann")
		_, err := r.CreateUser(t.Context(), auth.NewUser{Username: "ann", DisplayName: "Another", PasswordHash: "other"})
		wantRefusal(t, err, chat.ErrUsernameTaken)
		if err := r.DisableUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		_, err = r.CreateUser(t.Context(), auth.NewUser{Username: "ann", DisplayName: "Another", PasswordHash: "other"})
		wantRefusal(t, err, chat.ErrUsernameTaken)
		a, err := r.Account(t.Context(), "ann")
		if err != nil || a.DisplayName != "The ann" || a.PasswordHash != "hash of ann" || !a.Disabled {
			t.Errorf("the first ann is now %+v, %v", a, err)
		}
	})
}

func TestOfTwoWhoTakeAUsernameAtOnceOneGetsIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		take := func(r *Repository, name string) func() error {
			return func() error {
				_, err := r.CreateUser(t.Context(), auth.NewUser{Username: name, DisplayName: name, PasswordHash: "x"})
				return err
			}
		}
		for i := range 10 {
			name := fmt.Sprintf("u%d", i)
			if n := count(t, together(take(one, name), take(other, name)), chat.ErrUsernameTaken); n != 1 {
				t.Fatalf("%s: %d of 2 were refused, want 1", name, n)
			}
		}
	})
}

func TestAccountsAreReadAsTheyWereStored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		created, err := r.CreateUser(t.Context(), auth.NewUser{Username: "zoe", DisplayName: "Zoë ☂", PasswordHash: "hash of zoe"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Account(t.Context(), "zoe")
		if err != nil {
			t.Fatal(err)
		}
		want := auth.Account{User: created, PasswordHash: "hash of zoe"}
		if a != want || a.DisplayName != "Zoë ☂" || a.CreatedAt.IsZero() {
			t.Errorf("got %+v, want %+v", a, want)
		}
		_, err = r.Account(t.Context(), "nobody")
		wantRefusal(t, err, chat.ErrNotFound)

		u, err := r.User(t.Context(), logIn(t, r, "zoe"))
		if err != nil || u != created {
			t.Errorf("the actor's own user is %+v, %v; want %+v", u, err, created)
		}
	})
}

// In many a locale a database would sort these otherwise.
func TestUsersAreListedByUsernameByteForByte(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "b", "ab", "a_c", "a.b", "a-b", "a", "1")
		all, err := r.ListUsers(t.Context(), operator, chat.UserQuery{ListQuery: wholeList})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, u := range all.Items {
			names = append(names, u.Username)
		}
		if want := []string{"1", "a", "a-b", "a.b", "a_c", "ab", "b"}; !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
	})
}

func TestDisablingIsOneEventAndClosesTheSessionsBehindIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		var committed []chat.Event
		r := s.open(t, func(o *Options) { o.Committed = func(evs []chat.Event) { committed = append(committed, evs...) } })
		as := signUp(t, r, "ann", "bob")
		over := logIn(t, r, "ann")
		if err := r.EndSession(t.Context(), over.Session); err != nil {
			t.Fatal(err)
		}
		ended := headOf(t, r)
		second := logIn(t, r, "ann")
		before := headOf(t, r)
		committed = nil
		if err := r.DisableUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}

		want := logged{Pos: before + 1, Kind: string(chat.KindUserDisabled), Username: "ann"}
		if rows := logAfter(t, r, before); len(rows) != 1 || rows[0] != want {
			t.Errorf("the log says %+v, want %+v alone", rows, want)
		}
		if len(committed) != 1 || committed[0].Pos != want.Pos || committed[0].Kind != chat.KindUserDisabled || committed[0].Username != "ann" {
			t.Errorf("the commit told %+v", committed)
		}
		waitClosed(t, r)
		for session, pos := range map[string]int64{over.Session: ended, second.Session: want.Pos, as["ann"].Session: want.Pos} {
			if got := number(t, r, `SELECT COALESCE(ended_pos, 0) FROM sessions WHERE id = ?`, session); got != pos {
				t.Errorf("session %s ended at %d, want %d", session, got, pos)
			}
		}

		if err := r.DisableUser(t.Context(), "ann"); err != nil || headOf(t, r) != before+1 {
			t.Errorf("disabling again: %v, and the head is %d, want %d", err, headOf(t, r), before+1)
		}
		wantRefusal(t, r.DisableUser(t.Context(), "nobody"), chat.ErrNotFound)
		_, err := r.User(t.Context(), as["bob"])
		wantRefusal(t, err, nil)
	})
}

func TestALoginThatMeetsItsUsersDisablingIsRefusedOrEnded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		for i := range 15 {
			name := fmt.Sprintf("u%d", i)
			signUp(t, one, name)
			session := newSession(name)
			errs := together(
				func() error { return one.CreateSession(t.Context(), session) },
				func() error { return other.DisableUser(t.Context(), name) },
			)
			if errs[1] != nil {
				t.Fatal(errs[1])
			}
			switch {
			case errors.Is(errs[0], chat.ErrBadCredentials):
			case errs[0] != nil:
				t.Fatal(errs[0])
			default:
				_, _, err := one.Session(t.Context(), session.ID)
				wantRefusal(t, err, chat.ErrSessionEnded)
				waitClosed(t, one)
				ended := number(t, one, `SELECT COALESCE(ended_pos, 0) FROM sessions WHERE id = ?`, session.ID)
				disabled := number(t, one, `SELECT disabled_pos FROM users WHERE username = ?`, name)
				if ended != disabled {
					t.Fatalf("a session that was opened before its user was disabled at %d ended at %d", disabled, ended)
				}
			}
		}
	})
}

func TestNobodyCanDoAnythingInASessionThatIsNotHisOrIsOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "eve", "dan")
		makeChat(t, r, as["ann"], "lobby", chat.Public, map[string]chat.Role{"bob": chat.RoleOwner, "eve": chat.RoleOwner})
		m := say(t, r, as["ann"], "lobby", "hello")
		if err := r.EndSession(t.Context(), as["ann"].Session); err != nil {
			t.Fatal(err)
		}
		if err := r.DisableUser(t.Context(), "eve"); err != nil {
			t.Fatal(err)
		}
		before := headOf(t, r)
		for name, actor := range map[string]chat.Actor{
			"over":     as["ann"],
			"disabled": as["eve"],
			"unknown":  {Username: "bob", Session: "no such session"},
			"another":  {Username: "bob", Session: as["dan"].Session},
			"none":     {Username: "bob"},
		} {
			t.Run(name, func(t *testing.T) {
				title := "x"
				_, err := r.User(t.Context(), actor)
				wantRefusal(t, err, chat.ErrSessionEnded)
				_, err = r.CreateChat(t.Context(), actor, chat.NewChat{Visibility: chat.Public})
				wantRefusal(t, err, chat.ErrSessionEnded)
				_, err = r.MemberChats(t.Context(), actor, wholeList)
				wantRefusal(t, err, chat.ErrSessionEnded)
				_, err = r.PublicChats(t.Context(), actor, wholeList)
				wantRefusal(t, err, chat.ErrSessionEnded)
				for _, chatID := range []string{"lobby", "nowhere"} {
					_, err = r.Chat(t.Context(), actor, chatID)
					wantRefusal(t, err, chat.ErrSessionEnded)
					_, err = r.UpdateChat(t.Context(), actor, chatID, chat.ChatChange{Title: &title})
					wantRefusal(t, err, chat.ErrSessionEnded)
					wantRefusal(t, r.DeleteChat(t.Context(), actor, chatID), chat.ErrSessionEnded)
					_, err = r.Members(t.Context(), actor, chatID, wholeList)
					wantRefusal(t, err, chat.ErrSessionEnded)
					_, err = r.PutMember(t.Context(), actor, chatID, "dan", "")
					wantRefusal(t, err, chat.ErrSessionEnded)
					wantRefusal(t, r.RemoveMember(t.Context(), actor, chatID, actor.Username), chat.ErrSessionEnded)
					_, err = r.History(t.Context(), actor, chatID, chat.HistoryQuery{Limit: 1})
					wantRefusal(t, err, chat.ErrSessionEnded)
				}
				for _, id := range []int64{m.ID, 12345} {
					_, err = r.Message(t.Context(), actor, id)
					wantRefusal(t, err, chat.ErrSessionEnded)
				}
			})
		}
		wantTold(t, r, before)
	})
}

// Strangers' posts would wait for a walk through all users of other issuers.
func TestWhetherThereIsAUserYetIsAskedBehindTheLockOnlyWhereThereIsNone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		admit(t, one, subjectOf("1", "ann"))
		rec := recordWriter(t, one)
		asked := func() (n int) {
			for _, statement := range rec.statements {
				if statement == ownUser {
					n++
				}
			}
			return n
		}
		for i, u := range []auth.NewUser{{Username: "robot", Bot: true}, {Username: "ann"}, {Username: "bob"}, {Username: "cid"}} {
			user, err := one.CreateUser(t.Context(), u)
			if err != nil || user.Admin != (i == 1) || asked() != min(i, 1) {
				t.Errorf("%+v, %v; asked %d times", user, err, asked())
			}
		}
		if user, err := other.CreateUser(t.Context(), auth.NewUser{Username: "dan"}); err != nil || user.Admin {
			t.Errorf("at another instance: %+v, %v", user, err)
		}
	})
}

// A backup may be older than what the instance remembers.
func TestTheFirstUserOfARestoredDatabaseIsAnAdmin(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "postgres").open(t)
	signUp(t, r, "ann", "bob")
	for _, table := range []string{"sessions", "users"} {
		fill(t, r, `DELETE FROM `+table)
	}
	reconnect(t, r, func(*conn) {})
	if user, err := r.CreateUser(t.Context(), auth.NewUser{Username: "cid"}); err != nil || !user.Admin {
		t.Errorf("%+v, %v", user, err)
	}
}
