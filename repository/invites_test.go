package repository

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

// invite makes an invite.
func invite(t testing.TB, r *Repository, actor chat.Actor, chatID string, uses int64) string {
	t.Helper()
	inv, err := r.CreateInvite(t.Context(), actor, chat.NewInvite{Chat: chatID, Uses: uses, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.CheckInviteCode(inv.Code); err != nil {
		t.Errorf("the code %q: %v", inv.Code, err)
	}
	return inv.Code
}

// enter uses an invite.
func enter(t testing.TB, r *Repository, actor chat.Actor, code string) error {
	t.Helper()
	_, err := r.UseInvite(t.Context(), actor, code)
	return err
}

// signUpBy makes a user by an invite.
func signUpBy(t testing.TB, r *Repository, username, code string) error {
	t.Helper()
	_, err := r.CreateUser(t.Context(), auth.NewUser{Username: username, DisplayName: username, PasswordHash: "x", Invite: code})
	return err
}

func TestOfManyWhoUseAnInviteAtOnceNoMoreGetInThanItIsFor(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "bob", "cat")
		makeChat(t, one, as["ann"], "den", chat.Private, nil)
		for i := range 5 {
			code := invite(t, one, as["ann"], "den", 1)
			errs := together(
				func() error { return enter(t, one, as["bob"], code) },
				func() error { return enter(t, other, as["cat"], code) },
				func() error { return signUpBy(t, other, fmt.Sprint("u", i), code) },
			)
			if n := count(t, errs, chat.ErrInviteNotFound); n != 2 {
				t.Fatalf("%d of 3 were refused: %v", n, errs)
			}
			if n := number(t, one, `SELECT count(*) FROM memberships WHERE chat = 'den' AND left_pos IS NULL`); n != 2 {
				t.Fatalf("%d are in the chat", n)
			}
			for _, name := range []string{"bob", "cat", fmt.Sprint("u", i)} {
				_ = one.RemoveMember(t.Context(), as["ann"], "den", name) // those who did not get in are not there
			}
		}
		wantWholeLog(t, one)
	})
}

func TestWhoMayInvite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "root", "ann", "bob", "cat", "dan", "eve")
		as["operator"] = operator
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin, "cat": chat.RoleMember, "dan": chat.RoleGuest})
		makeChat(t, r, as["ann"], "square", chat.Public, nil)
		for _, row := range []struct {
			actor, chat string
			signUp      bool
			want        *chat.Error
		}{
			{"root", "", true, nil}, {"root", "den", true, nil}, {"root", "nowhere", false, chat.ErrNotFound},
			{"operator", "", true, nil}, {"operator", "den", true, nil},
			{"ann", "", false, chat.ErrForbidden}, {"ann", "den", false, nil}, {"bob", "den", false, nil},
			{"cat", "den", false, chat.ErrForbidden}, {"dan", "den", false, chat.ErrReadOnly},
			{"eve", "den", false, chat.ErrNotFound}, {"eve", "square", false, chat.ErrNotAMember}, {"eve", "", false, chat.ErrForbidden},
		} {
			inv, err := r.CreateInvite(t.Context(), as[row.actor], chat.NewInvite{Chat: row.chat, Uses: 3, Life: time.Hour})
			wantRefusal(t, err, row.want)
			if err == nil && (inv.SignUp != row.signUp || (inv.Chat != nil) != (row.chat != "") || inv.Uses != 3) {
				t.Errorf("%s invites to %q: %+v", row.actor, row.chat, inv)
			}
		}
	})
}

func TestAnInviteIsGoodForWhatItIsForAndNoLonger(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "root", "ann", "bob", "cat", "eve")
		root, ann, bob, eve := as["root"], as["ann"], as["bob"], as["eve"]
		makeChat(t, r, ann, "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin})
		makeChat(t, r, ann, "gone", chat.Private, nil)
		refused := func(claim, code string) {
			t.Helper()
			before := headOf(t, r)
			for _, err := range []error{enter(t, r, eve, code), signUpBy(t, r, "new", code)} {
				if err == nil {
					t.Errorf("an invite %s is taken", claim)
					continue
				}
				wantRefusal(t, err, chat.ErrInviteNotFound)
			}
			wantTold(t, r, before)
		}
		refused("of nobody", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
		expired := invite(t, r, root, "den", 1)
		fill(t, r, `UPDATE invites SET expires_at = ? WHERE code = ?`, time.Now().UnixMilli(), expired)
		refused("that has expired", expired)
		revoked := invite(t, r, root, "den", 1)
		wantRefusal(t, r.RevokeInvite(t.Context(), root, revoked), nil)
		refused("that was revoked", revoked)
		deleted := invite(t, r, root, "gone", 1)
		wantRefusal(t, r.DeleteChat(t.Context(), ann, "gone"), nil)
		refused("of a deleted chat", deleted)
		demoted := invite(t, r, bob, "den", 1)
		_, err := r.PutMember(t.Context(), ann, "den", "bob", chat.RoleMember)
		wantRefusal(t, err, nil)
		refused("of one who is a mere member now", demoted)
		wantRefusal(t, r.RemoveMember(t.Context(), ann, "den", "bob"), nil)
		refused("of one who has left", demoted)
		wantRefusal(t, changed(t, r, root, "cat", chat.UserChange{Admin: &yes}), nil)
		unmade := invite(t, r, as["cat"], "den", 1)
		wantRefusal(t, changed(t, r, root, "cat", chat.UserChange{Admin: &no}), nil)
		refused("of one who is no admin now", unmade)
		wantRefusal(t, changed(t, r, root, "cat", chat.UserChange{Admin: &yes, Disabled: &yes}), nil)
		refused("of a disabled admin", unmade)

		// One for signing up alone joins nothing, and one for a chat signs nobody up.
		signUpOnly, chatOnly := invite(t, r, root, "", 1), invite(t, r, ann, "den", 1)
		wantRefusal(t, enter(t, r, eve, signUpOnly), chat.ErrInviteNotFound)
		wantRefusal(t, signUpBy(t, r, "new", chatOnly), chat.ErrInviteNotFound)
		wantRefusal(t, signUpBy(t, r, "eve", signUpOnly), chat.ErrUsernameTaken)
		wantRefusal(t, r.CheckSignUpInvite(t.Context(), signUpOnly), nil)
		wantRefusal(t, signUpBy(t, r, "new", signUpOnly), nil)
		wantRefusal(t, r.CheckSignUpInvite(t.Context(), signUpOnly), chat.ErrInviteNotFound)

		// A member uses nothing up, and is let in again by what it has used up itself.
		wantRefusal(t, enter(t, r, ann, chatOnly), nil)
		ch, err := r.UseInvite(t.Context(), eve, chatOnly)
		if err != nil || ch.ID != "den" || ch.Role == nil || *ch.Role != chat.RoleMember {
			t.Errorf("eve is in %+v, %v", ch, err)
		}
		wantRefusal(t, enter(t, r, eve, chatOnly), nil)
		wantRefusal(t, enter(t, r, bob, chatOnly), chat.ErrInviteNotFound)

		both := invite(t, r, root, "den", 2)
		wantRefusal(t, signUpBy(t, r, "newer", both), nil)
		if n := number(t, r, `SELECT count(*) FROM memberships WHERE chat = 'den' AND username = 'newer' AND role = 'member'`); n != 1 {
			t.Error("who signed up by an invite of a chat is not in it")
		}
		wantWholeLog(t, r)
	})
}

func inviteCode(inv chat.Invite) string { return inv.Code }

func TestInvitesAreListedAndRevokedByTheirCreatorsAndAdmins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "root", "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin})
		of := make(map[string][]string)
		for range 3 {
			for _, name := range []string{"root", "ann", "bob"} {
				code := invite(t, r, as[name], "den", 1)
				of[name] = append(of[name], code)
				if name != "root" {
					of["root"] = append(of["root"], code)
				}
			}
		}
		expired := invite(t, r, as["ann"], "den", 1)
		fill(t, r, `UPDATE invites SET expires_at = 1 WHERE code = ?`, expired)
		for name, want := range of {
			slices.Sort(want)
			for limit := 1; limit <= len(want)+1; limit++ {
				got := pages(t, limit, inviteCode, func(q chat.ListQuery) (chat.Page[chat.Invite], error) { return r.Invites(t.Context(), as[name], q) })
				if !slices.Equal(got, want) {
					t.Errorf("%s sees %q, want %q", name, got, want)
				}
			}
		}
		code := of["ann"][0]
		wantRefusal(t, r.RevokeInvite(t.Context(), as["bob"], code), chat.ErrInviteNotFound)
		wantRefusal(t, r.RevokeInvite(t.Context(), as["ann"], code), nil)
		wantRefusal(t, r.RevokeInvite(t.Context(), as["ann"], code), chat.ErrInviteNotFound)
		wantRefusal(t, r.RevokeInvite(t.Context(), as["root"], of["bob"][0]), nil)
		token := as["root"]
		token.Kind, token.Scopes = chat.ScriptToken, chat.ScopeManage
		if page, err := r.Invites(t.Context(), token, wholeList); err != nil || len(page.Items) != 3 {
			t.Errorf("an admin's script token sees %d, %v; want its user's 3", len(page.Items), err)
		}
		if err := r.dropInvites(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if n := number(t, r, `SELECT count(*) FROM invites`); n != 7 {
			t.Errorf("%d invites are left, want 7", n)
		}
	})
}
