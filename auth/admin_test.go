package auth

import (
	"testing"

	"parley/chat"
)

func TestAnAdminMakesUsersAndBotsAndSetsPasswords(t *testing.T) {
	d := newDesk(t)
	root := chat.Actor{Username: "root"}
	d.store.accounts["root"] = Account{User: chat.User{Username: "root", Admin: true}}
	ann := chat.Actor{Username: "ann"}
	d.store.accounts["ann"] = Account{User: chat.User{Username: "ann", DisplayName: "Ann Example"}}
	good := SignUp{Username: "robot", DisplayName: "Robot"}
	for name, u := range map[string]MadeUser{
		"a bot with a password": {SignUp: SignUp{Username: "robot", Password: "correct-horse"}, Bot: true},
		"a bot as an admin":     {SignUp: good, Bot: true, Admin: true},
		"without a password":    {SignUp: good},
		"no username":           {SignUp: SignUp{Username: "Robot"}, Bot: true},
	} {
		_, err := d.MakeUser(t.Context(), root, u)
		if err == nil {
			t.Errorf("%s is made", name)
			continue
		}
		wantError(t, err, chat.ErrInvalid)
	}
	_, err := d.MakeUser(t.Context(), ann, MadeUser{SignUp: good, Bot: true})
	wantError(t, err, chat.ErrForbidden)
	if _, err := d.MakeUser(t.Context(), root, MadeUser{SignUp: good, Bot: true}); err != nil {
		t.Fatal(err)
	}
	// Neither a bot nor a closed account has a hash that could be compared.
	_, err = d.LogIn(t.Context(), SignIn{Username: "robot", Password: "correct-horse-battery"})
	wantError(t, err, chat.ErrBadCredentials)

	p := PasswordSetting{Username: "ann", NewPassword: "short"}
	wantError(t, d.SetPassword(t.Context(), root, p), chat.ErrInvalid)
	p.NewPassword = "ann example"
	wantError(t, d.SetPassword(t.Context(), root, p), chat.ErrWeakPassword)
	p.NewPassword = "another-correct-horse"
	wantError(t, d.SetPassword(t.Context(), ann, p), chat.ErrForbidden)
	if err := d.SetPassword(t.Context(), root, p); err != nil {
		t.Fatal(err)
	}
	if _, err := d.LogIn(t.Context(), SignIn{Username: "ann", Password: p.NewPassword}); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

func TestAnInviteIsLookedAtBeforeThePasswordIsHashed(t *testing.T) {
	d := newDesk(t)
	d.passwords = newGate(0, 0) // hashes nothing
	_, err := d.SignUp(t.Context(), SignUp{Username: "eve", Password: "correct-horse-battery", Invite: "wrong"})
	wantError(t, err, chat.ErrInviteNotFound)
}
