package repository

import (
	"slices"
	"strings"
	"testing"

	"parley/chat"
)

// changed changes a user.
func changed(t testing.TB, r *Repository, actor chat.Actor, username string, change chat.UserChange) error {
	t.Helper()
	_, err := r.UpdateUser(t.Context(), actor, username, change)
	return err
}

var (
	yes, no  = true, false
	operator = chat.Actor{Kind: chat.Operator}
)

func TestTheLastAdminStaysOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "bob", "cat")
		ann, bob := as["ann"], as["bob"]
		for name, change := range map[string]chat.UserChange{
			"unmade": {Admin: &no}, "disabled": {Disabled: &yes}, "both": {Admin: &no, Disabled: &yes},
		} {
			if err := changed(t, one, ann, "ann", change); err == nil {
				t.Errorf("the last admin was %s", name)
			} else {
				wantRefusal(t, err, chat.ErrLastAdmin)
			}
			wantRefusal(t, changed(t, one, bob, "ann", change), chat.ErrForbidden)
		}
		wantRefusal(t, one.CloseAccount(t.Context(), ann, "ann", false), chat.ErrLastAdmin)
		wantRefusal(t, one.CloseOwnAccount(t.Context(), ann, false), chat.ErrLastAdmin)
		wantRefusal(t, one.CloseAccount(t.Context(), bob, "bob", false), chat.ErrForbidden)
		name := "Ann of the Hill"
		wantRefusal(t, changed(t, one, ann, "ann", chat.UserChange{DisplayName: &name, Admin: &yes}), nil)

		// A disabled admin is none to stay.
		wantRefusal(t, changed(t, one, ann, "cat", chat.UserChange{Admin: &yes, Disabled: &yes}), nil)
		wantRefusal(t, changed(t, one, ann, "ann", chat.UserChange{Admin: &no}), chat.ErrLastAdmin)

		wantRefusal(t, changed(t, one, ann, "bob", chat.UserChange{Admin: &yes}), nil)
		errs := together(
			func() error { return changed(t, one, ann, "ann", chat.UserChange{Admin: &no}) },
			func() error { return changed(t, other, bob, "bob", chat.UserChange{Disabled: &yes}) },
			func() error { return other.CloseOwnAccount(t.Context(), bob, false) },
		)
		left := number(t, one, `SELECT count(*) FROM users WHERE admin AND disabled_pos IS NULL`)
		if left != 1 || errs[0] == nil && errs[1] == nil {
			t.Errorf("%d admins are left: %v", left, errs)
		}
		// An operator makes another by the next command.
		wantRefusal(t, changed(t, one, operator, "ann", chat.UserChange{Disabled: &yes}), nil)
	})
}

func TestNothingComesBackWhenAUserIsEnabledAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s) // so that the sessions are open yet
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		makeChat(t, r, ann, "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		fillSessions(t, r, bob, 2*endingSlice)
		token := chat.Actor{Username: "bob", Session: "a token", Kind: chat.ScriptToken, Scopes: chat.ScopeRead}
		fill(t, r, `INSERT INTO sessions (id, username, kind, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)
			SELECT 'a token', username, 'token', created_at, access_expires_at, refresh_hash, 0, 0, refresh_expires_at FROM sessions WHERE id = ?`, bob.Session)
		say(t, r, bob, "den", "remembered by the cache")

		over := []chat.Actor{bob, token}
		for range 2 {
			wantRefusal(t, changed(t, r, ann, "bob", chat.UserChange{Disabled: &yes}), nil)
			disabled := number(t, r, `SELECT disabled_pos FROM users WHERE username = 'bob'`)
			if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob' AND ended_pos IS NULL`); n == 0 {
				t.Fatal("the sessions are closed: the test shows nothing")
			}
			wantRefusal(t, changed(t, r, ann, "bob", chat.UserChange{Disabled: &no}), nil)
			if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob' AND ended_pos IS NULL`); n != 0 {
				t.Errorf("%d sessions are back", n)
			}
			if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob' AND ended_pos = ?`, disabled); n == 0 {
				t.Error("no session ended where its user was disabled")
			}
			for _, actor := range over {
				_, err := r.User(t.Context(), actor)
				wantRefusal(t, err, chat.ErrSessionEnded)
				_, err = r.Post(t.Context(), actor, chat.Post{Chat: "den", Text: "again"})
				if err == nil {
					t.Error("a session that is over posts")
				}
				_, err = openOne(t, r, actor, "den")
				wantRefusal(t, err, chat.ErrSessionEnded)
				if did, err := r.RenewSession(t.Context(), actor.Session, 0, renewed(1)); err != nil || did {
					t.Errorf("renewing: %t, %v", did, err)
				}
			}
			// What the cleaner had in hand ends nothing that began since.
			fresh := logIn(t, r, "bob")
			if _, err := r.finishEndings(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.finish(t.Context(), ending{endedUser, "bob"}); err != nil {
				t.Fatal(err)
			}
			say(t, r, fresh, "den", "back")
			over = append(over, fresh)
		}
	})
}

func userName(u chat.User) string { return u.Username }

func TestUsersAreListedByTheBeginningOfTheirNames(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "root", "a", "a-b", "a.b", "a0", "a_c", "ab", "abc", "b", "gone")
		root := as["root"]
		wantRefusal(t, r.CloseAccount(t.Context(), root, "gone", false), nil)
		_, err := r.ReadUser(t.Context(), root, "gone")
		wantRefusal(t, err, chat.ErrNotFound)
		wantRefusal(t, changed(t, r, root, "gone", chat.UserChange{Disabled: &no}), chat.ErrNotFound)
		wantRefusal(t, r.CloseAccount(t.Context(), root, "gone", false), chat.ErrNotFound)
		for prefix, want := range map[string][]string{
			"": {"a", "a-b", "a.b", "a0", "a_c", "ab", "abc", "b", "root"}, "a": {"a", "a-b", "a.b", "a0", "a_c", "ab", "abc"},
			"ab": {"ab", "abc"}, "abc": {"abc"}, "abcd": nil, "r": {"root"}, "z": nil,
		} {
			for limit := 1; limit <= 10; limit++ {
				got := pages(t, limit, userName, func(q chat.ListQuery) (chat.Page[chat.User], error) {
					return r.ListUsers(t.Context(), root, chat.UserQuery{ListQuery: q, Prefix: prefix})
				})
				if !slices.Equal(got, want) {
					t.Errorf("%q by %d: %q, want %q", prefix, limit, got, want)
				}
			}
		}
		_, err = r.ListUsers(t.Context(), as["a"], chat.UserQuery{ListQuery: wholeList})
		wantRefusal(t, err, chat.ErrForbidden)
		_, err = r.ReadUser(t.Context(), as["a"], "a")
		wantRefusal(t, err, chat.ErrForbidden)
	})
}

func TestUsersAndInvitesAreReadByIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		signUp(t, r, "ann")
		fillMany(t, r, 100_000, `INSERT INTO users (username, display_name, password_hash, created_at)`, `SELECT 'u' || i, 'u', 'x', 0 FROM n`)
		fillMany(t, r, 5_000, `INSERT INTO invites (code, creator, signup, uses, created_at, expires_at)`, `SELECT 'C' || i, 'u' || (i % 50 + 1), true, 1, 0, i FROM n`)
		if r.dialect == postgresDialect {
			fill(t, r, `ANALYZE`)
		}
		plans := &explaining{queryer: r.pool, d: r.dialect}
		h := handle{plans, r.dialect}
		for _, q := range []chat.UserQuery{{}, {Prefix: "u77"}, {Prefix: "u", ListQuery: chat.ListQuery{After: "u5"}}} {
			q.Limit = 10
			if page, err := h.users(t.Context(), q); err != nil || len(page.Items) != 10 {
				t.Fatalf("%+v: %d, %v", q, len(page.Items), err)
			}
			plan := plans.plans[len(plans.plans)-1]
			wantPlan(t, plans, primaryKey(r, "users"))
			wantNothingWalked(t, plans)
			if r.dialect == sqliteDialect && !strings.Contains(plan, "username>? AND username<?") {
				t.Errorf("a page of users is not a range:\n%s", plan)
			}
		}
		for _, c := range []struct {
			query, index string
			args         []any
		}{
			{anotherAdmin, "users_admins", []any{"ann"}},
			{deleteInvites, "invites_expiry", []any{100, endingSlice}},
			{leftAlone, "memberships_of", []any{"ann", 4}},
			{lastMemberships, "memberships_of", []any{"ann", 10}},
		} {
			if err := plans.explain(t.Context(), r.dialect.rebind(c.query), c.args...); err != nil {
				t.Fatal(err)
			}
			wantPlan(t, plans, c.index)
		}
	})
}
