package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"parley/chat"
)

// The cast of the tests below: ann and amy own a chat (of a "sole" one, ann
// alone), bob and ben are its admins, cid and cat its members, dan is outside, and
// eve, outside too, and eva, a member, are disabled.
type cast struct {
	r  *Repository
	as map[string]chat.Actor
	n  int
}

func newCast(t *testing.T, s *store) *cast {
	p := &cast{r: s.open(t)}
	p.as = signUp(t, p.r, "ann", "amy", "bob", "ben", "cid", "cat", "dan", "eve", "eva")
	if err := p.r.DisableUser(t.Context(), "eve"); err != nil {
		t.Fatal(err)
	}
	return p
}

// chat makes a fresh chat of a kind: "private", "public", or "sole".
func (p *cast) chat(t *testing.T, kind string) string {
	t.Helper()
	p.n++
	id := fmt.Sprintf("%s-%d", kind, p.n)
	members := map[string]chat.Role{
		"bob": chat.RoleAdmin, "ben": chat.RoleAdmin, "cid": chat.RoleMember, "cat": chat.RoleMember,
	}
	v := chat.Private
	if kind == "public" {
		v = chat.Public
	}
	if kind != "sole" {
		members["amy"] = chat.RoleOwner
	}
	makeChat(t, p.r, p.as["ann"], id, v, members)
	return id
}

func (p *cast) role(t *testing.T, chatID, username string) chat.Role {
	t.Helper()
	m, err := read(t.Context(), p.r, func(ctx context.Context, h handle) (memberRow, error) { return h.member(ctx, chatID, username) })
	if err != nil && !errors.Is(err, chat.ErrNotFound) {
		t.Fatal(err)
	}
	return m.Role
}

func TestWhoMayPutWhomIntoAChat(t *testing.T) {
	const none = chat.Role("")
	// A row answers with an error, or with the role that its target has then; says
	// is the event, if there is one.
	rows := []struct {
		chat, actor, target string
		role                chat.Role
		refused             *chat.Error
		now                 chat.Role
		says                chat.Kind
	}{
		// Outside a private chat there is nothing.
		{"private", "dan", "dan", none, chat.ErrNotFound, "", ""},
		{"private", "dan", "dan", chat.RoleOwner, chat.ErrNotFound, "", ""},
		{"private", "dan", "cid", none, chat.ErrNotFound, "", ""},
		{"private", "dan", "nobody", none, chat.ErrNotFound, "", ""},
		{"nowhere", "ann", "ann", none, chat.ErrNotFound, "", ""},
		// Into a public one everybody may let himself, as a member.
		{"public", "dan", "dan", none, nil, chat.RoleMember, chat.KindMemberJoined},
		{"public", "dan", "dan", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberJoined},
		{"public", "dan", "dan", chat.RoleAdmin, chat.ErrForbidden, "", ""},
		{"public", "dan", "dan", chat.RoleOwner, chat.ErrForbidden, "", ""},
		{"public", "dan", "cid", none, chat.ErrNotAMember, "", ""},
		{"public", "dan", "nobody", none, chat.ErrNotAMember, "", ""},
		// A member puts nobody, and raises himself to nothing.
		{"private", "cid", "dan", none, chat.ErrForbidden, "", ""},
		{"public", "cid", "dan", none, chat.ErrForbidden, "", ""},
		{"private", "cid", "cat", none, chat.ErrForbidden, "", ""},
		{"private", "cid", "nobody", none, chat.ErrForbidden, "", ""},
		{"private", "cid", "cid", none, nil, chat.RoleMember, ""},
		{"private", "cid", "cid", chat.RoleMember, nil, chat.RoleMember, ""},
		{"private", "cid", "cid", chat.RoleAdmin, chat.ErrForbidden, "", ""},
		{"private", "cid", "cid", chat.RoleOwner, chat.ErrForbidden, "", ""},
		// An admin puts and changes all but owners.
		{"private", "bob", "dan", none, nil, chat.RoleMember, chat.KindMemberJoined},
		{"private", "bob", "dan", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberJoined},
		{"private", "bob", "dan", chat.RoleAdmin, nil, chat.RoleAdmin, chat.KindMemberJoined},
		{"private", "bob", "dan", chat.RoleOwner, chat.ErrForbidden, "", ""},
		{"public", "bob", "dan", chat.RoleOwner, chat.ErrForbidden, "", ""},
		{"private", "bob", "cid", none, nil, chat.RoleMember, ""},
		{"private", "bob", "cid", chat.RoleMember, nil, chat.RoleMember, ""},
		{"private", "bob", "cid", chat.RoleAdmin, nil, chat.RoleAdmin, chat.KindMemberUpdated},
		{"private", "bob", "cid", chat.RoleOwner, chat.ErrForbidden, "", ""},
		{"private", "bob", "ben", none, nil, chat.RoleAdmin, ""},
		{"private", "bob", "ben", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberUpdated},
		{"private", "bob", "bob", none, nil, chat.RoleAdmin, ""},
		{"private", "bob", "bob", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberUpdated},
		{"private", "bob", "bob", chat.RoleOwner, chat.ErrForbidden, "", ""},
		{"private", "bob", "ann", none, nil, chat.RoleOwner, ""},
		{"private", "bob", "ann", chat.RoleOwner, nil, chat.RoleOwner, ""},
		{"private", "bob", "ann", chat.RoleAdmin, chat.ErrForbidden, "", ""},
		{"sole", "bob", "ann", chat.RoleMember, chat.ErrForbidden, "", ""},
		// An owner does it all, as long as there stays one.
		{"private", "ann", "dan", none, nil, chat.RoleMember, chat.KindMemberJoined},
		{"private", "ann", "dan", chat.RoleOwner, nil, chat.RoleOwner, chat.KindMemberJoined},
		{"private", "ann", "cid", none, nil, chat.RoleMember, ""},
		{"private", "ann", "cid", chat.RoleOwner, nil, chat.RoleOwner, chat.KindMemberUpdated},
		{"private", "ann", "bob", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberUpdated},
		{"private", "ann", "amy", chat.RoleMember, nil, chat.RoleMember, chat.KindMemberUpdated},
		{"private", "ann", "ann", chat.RoleAdmin, nil, chat.RoleAdmin, chat.KindMemberUpdated},
		{"sole", "ann", "ann", none, nil, chat.RoleOwner, ""},
		{"sole", "ann", "ann", chat.RoleOwner, nil, chat.RoleOwner, ""},
		{"sole", "ann", "ann", chat.RoleAdmin, chat.ErrLastOwner, "", ""},
		{"sole", "ann", "ann", chat.RoleMember, chat.ErrLastOwner, "", ""},
		// One who is not, or is disabled, is put nowhere.
		{"private", "ann", "nobody", none, chat.ErrNotFound, "", ""},
		{"private", "ann", "eve", none, chat.ErrNotFound, "", ""},
		{"private", "ann", "eve", chat.RoleOwner, chat.ErrNotFound, "", ""},
		{"private", "bob", "eve", chat.RoleMember, chat.ErrNotFound, "", ""},
	}
	eachDatabase(t, func(t *testing.T, s *store) {
		p := newCast(t, s)
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s: %s puts %s as %q", row.chat, row.actor, row.target, row.role), func(t *testing.T) {
				chatID := "nowhere"
				if row.chat != "nowhere" {
					chatID = p.chat(t, row.chat)
				}
				before, was := headOf(t, p.r), p.role(t, chatID, row.target)
				got, err := p.r.PutMember(t.Context(), p.as[row.actor], chatID, row.target, row.role)
				wantRefusal(t, err, row.refused)

				want, now := chat.Member{}, was
				if row.refused == nil {
					want = chat.Member{Username: row.target, DisplayName: "The " + row.target, Role: row.now, JoinedAt: got.JoinedAt}
					now = row.now
				}
				if got != want || row.refused == nil && got.JoinedAt.IsZero() {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if is := p.role(t, chatID, row.target); is != now {
					t.Errorf("%s is now %q, want %q", row.target, is, now)
				}
				rows := logAfter(t, p.r, before)
				switch {
				case row.says == "" && len(rows) != 0:
					t.Errorf("the log says %+v, want nothing", rows)
				case row.says != "" && (len(rows) != 1 || rows[0].Kind != string(row.says) || rows[0].Chat != chatID ||
					rows[0].Username != row.target || rows[0].Role != string(row.now)):
					t.Errorf("the log says %+v, want %s", rows, row.says)
				}
			})
		}
	})
}

func TestWhoMayRemoveWhomFromAChat(t *testing.T) {
	rows := []struct {
		chat, actor, target string
		refused             *chat.Error
	}{
		{"private", "dan", "dan", chat.ErrNotFound},
		{"private", "dan", "cid", chat.ErrNotFound},
		{"nowhere", "ann", "ann", chat.ErrNotFound},
		{"public", "dan", "dan", chat.ErrNotFound},
		{"public", "dan", "cid", chat.ErrNotAMember},
		{"public", "dan", "nobody", chat.ErrNotAMember},

		{"private", "cid", "cid", nil},
		{"private", "cid", "cat", chat.ErrForbidden},
		{"private", "cid", "bob", chat.ErrForbidden},
		{"private", "cid", "ann", chat.ErrForbidden},
		{"private", "cid", "nobody", chat.ErrForbidden},

		{"private", "bob", "bob", nil},
		{"private", "bob", "ben", nil},
		{"private", "bob", "cid", nil},
		{"private", "bob", "ann", chat.ErrForbidden},
		{"sole", "bob", "ann", chat.ErrForbidden},
		{"private", "bob", "dan", chat.ErrNotFound},
		{"private", "bob", "nobody", chat.ErrNotFound},

		{"private", "ann", "cid", nil},
		{"private", "ann", "bob", nil},
		{"private", "ann", "amy", nil},
		{"private", "ann", "ann", nil},
		{"private", "ann", "dan", chat.ErrNotFound},
		{"private", "ann", "nobody", chat.ErrNotFound},
		{"sole", "ann", "ann", chat.ErrLastOwner},
		{"sole", "ann", "bob", nil},
	}
	eachDatabase(t, func(t *testing.T, s *store) {
		p := newCast(t, s)
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s: %s removes %s", row.chat, row.actor, row.target), func(t *testing.T) {
				chatID := "nowhere"
				if row.chat != "nowhere" {
					chatID = p.chat(t, row.chat)
				}
				before, was := headOf(t, p.r), p.role(t, chatID, row.target)
				wantRefusal(t, p.r.RemoveMember(t.Context(), p.as[row.actor], chatID, row.target), row.refused)
				is, rows := p.role(t, chatID, row.target), logAfter(t, p.r, before)
				if row.refused != nil {
					if is != was || len(rows) != 0 {
						t.Errorf("%s was %q and is now %q; the log says %+v", row.target, was, is, rows)
					}
					return
				}
				want := logged{Pos: before + 1, Kind: string(chat.KindMemberLeft), Chat: chatID, Username: row.target, Role: string(was)}
				if len(rows) == 1 {
					want.Seq = rows[0].Seq
				}
				if is != "" || len(rows) != 1 || rows[0] != want {
					t.Errorf("%s is now %q; the log says %+v, want %+v", row.target, is, rows, want)
				}
				wantRefusal(t, p.r.RemoveMember(t.Context(), p.as["ann"], chatID, row.target), chat.ErrNotFound)
			})
		}
	})
}

// A chat must not be left to somebody who cannot log in.
func TestADisabledOwnerIsNoOtherOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		p := newCast(t, s)
		id := p.chat(t, "private")
		if _, err := p.r.PutMember(t.Context(), p.as["ann"], id, "eva", ""); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"amy", "eva"} {
			if err := p.r.DisableUser(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		_, err := p.r.PutMember(t.Context(), p.as["ann"], id, "ann", chat.RoleMember)
		wantRefusal(t, err, chat.ErrLastOwner)
		wantRefusal(t, p.r.RemoveMember(t.Context(), p.as["ann"], id, "ann"), chat.ErrLastOwner)
		// His role stays as it is, and he can be removed.
		_, err = p.r.PutMember(t.Context(), p.as["ann"], id, "eva", chat.RoleAdmin)
		wantRefusal(t, err, chat.ErrNotFound)
		wantRefusal(t, p.r.RemoveMember(t.Context(), p.as["ann"], id, "eva"), nil)
		wantRefusal(t, p.r.RemoveMember(t.Context(), p.as["ann"], id, "amy"), nil)
	})
}

func TestOfTwoOwnersWhoStepDownAtOnceOneIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "amy")
		stepDown := func(r *Repository, chatID, username string) func() error {
			return func() error {
				_, err := r.PutMember(t.Context(), as[username], chatID, username, chat.RoleMember)
				return err
			}
		}
		leave := func(r *Repository, chatID, username string) func() error {
			return func() error { return r.RemoveMember(t.Context(), as[username], chatID, username) }
		}
		for i := range 12 {
			id := fmt.Sprintf("chat-%d", i)
			makeChat(t, one, as["ann"], id, chat.Private, map[string]chat.Role{"amy": chat.RoleOwner})
			var errs []error
			switch i % 3 {
			case 0:
				errs = together(stepDown(one, id, "ann"), stepDown(other, id, "amy"))
			case 1:
				errs = together(leave(one, id, "ann"), leave(other, id, "amy"))
			case 2:
				errs = together(leave(one, id, "ann"), stepDown(other, id, "amy"))
			}
			if n := count(t, errs, chat.ErrLastOwner); n != 1 {
				t.Fatalf("%d of 2 were refused, want 1", n)
			}
			if n := number(t, one, `SELECT count(*) FROM memberships WHERE chat = ? AND role = 'owner' AND left_pos IS NULL`, id); n != 1 {
				t.Fatalf("%s has %d owners", id, n)
			}
		}
	})
}

func TestOfManyWhoJoinTwiceAtOnceEachJoinsOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "bob")
		makeChat(t, one, as["ann"], "square", chat.Public, nil)
		join := func(r *Repository) func() error {
			return func() error {
				_, err := r.PutMember(t.Context(), as["bob"], "square", "bob", "")
				return err
			}
		}
		if n := count(t, together(join(one), join(other), join(one), join(other)), nil); n != 0 {
			t.Errorf("%d were refused", n)
		}
		wantTold(t, one, 1, "member.joined square/2 bob member")
	})
}

func TestMembershipsAreIntervalsOfPositions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "square", chat.Public, nil) // 1
		join := func() {
			t.Helper()
			if _, err := r.PutMember(t.Context(), as["bob"], "square", "bob", ""); err != nil {
				t.Fatal(err)
			}
		}
		join()                                  // 2
		say(t, r, as["bob"], "square", "hello") // 3
		if _, err := r.PutMember(t.Context(), as["ann"], "square", "bob", chat.RoleAdmin); err != nil {
			t.Fatal(err) // 4
		}
		if err := r.RemoveMember(t.Context(), as["bob"], "square", "bob"); err != nil {
			t.Fatal(err) // 5
		}
		say(t, r, as["ann"], "square", "alone") // 6
		join()                                  // 7
		if err := r.RemoveMember(t.Context(), as["ann"], "square", "bob"); err != nil {
			t.Fatal(err) // 8
		}
		join() // 9
		if err := r.DeleteChat(t.Context(), as["ann"], "square"); err != nil {
			t.Fatal(err) // 10
		}
		type interval struct {
			Username string `db:"username"`
			Role     string `db:"role"`
			Joined   int64  `db:"joined_pos"`
			Left     int64  `db:"left_pos"`
		}
		waitClosed(t, r)
		got, err := read(t.Context(), r, func(ctx context.Context, h handle) (is []interval, err error) {
			err = h.all(ctx, &is, `SELECT username, role, joined_pos, left_pos FROM memberships ORDER BY joined_pos`)
			return is, err
		})
		want := []interval{
			{"ann", "owner", 1, 10},
			{"bob", "admin", 2, 5}, // his last role
			{"bob", "member", 7, 8},
			{"bob", "member", 9, 10},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the intervals are %+v, %v; want %+v", got, err, want)
		}
		wantTold(t, r, 0,
			"member.joined square/1 ann owner", "member.joined square/2 bob member", "message square/3  ",
			"member.updated square/4 bob admin", "member.left square/5 bob admin", "message square/6  ",
			"member.joined square/7 bob member", "member.left square/8 bob member",
			"member.joined square/9 bob member", "chat.deleted square/10  ")
	})
}

func TestMembersAreListedByUsername(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "m", "a_b", "a-b", "z", "gone")
		makeChat(t, r, as["m"], "den", chat.Private, map[string]chat.Role{
			"a_b": chat.RoleAdmin, "a-b": chat.RoleMember, "z": chat.RoleOwner, "gone": chat.RoleMember,
		})
		if err := r.RemoveMember(t.Context(), as["gone"], "den", "gone"); err != nil {
			t.Fatal(err)
		}
		members, err := r.Members(t.Context(), as["a-b"], "den", wholeList)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range members.Items {
			got = append(got, fmt.Sprintf("%s %s %s", m.Username, m.DisplayName, m.Role))
			if m.JoinedAt.IsZero() {
				t.Errorf("%s joined at no time", m.Username)
			}
		}
		want := []string{"a-b The a-b member", "a_b The a_b admin", "m The m owner", "z The z owner"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAChangeOfRoleKeepsWhenSomebodyJoined(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		joined, err := r.PutMember(t.Context(), as["ann"], "den", "bob", "")
		if err != nil {
			t.Fatal(err)
		}
		fill(t, r, `UPDATE memberships SET joined_at = joined_at - 60000`)
		changed, err := r.PutMember(t.Context(), as["ann"], "den", "bob", chat.RoleAdmin)
		if err != nil || changed.JoinedAt.UnixMilli() != joined.JoinedAt.UnixMilli()-60000 {
			t.Errorf("bob joined at %s and is an admin since %s, %v", joined.JoinedAt, changed.JoinedAt, err)
		}
	})
}
