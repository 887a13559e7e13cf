package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func wantError(t testing.TB, err error, want *chat.Error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %s", err, want.Code)
	}
}

func TestASignUpTellsAllThatIsWrongAtOnce(t *testing.T) {
	d := newDesk(t)
	_, err := d.SignUp(t.Context(), SignUp{Username: "Ann!", Password: "short", DisplayName: strings.Repeat("x", 65)})
	var invalid *chat.Error
	if !errors.As(err, &invalid) || invalid.Code != chat.ErrInvalid.Code || len(invalid.Fields) != 3 {
		t.Fatalf("got %+v", err)
	}
	for i, field := range []string{"username", "password", "display_name"} {
		if invalid.Fields[i].Field != field {
			t.Errorf("field %d is %+v", i, invalid.Fields[i])
		}
	}
	if len(d.store.accounts) != 0 {
		t.Error("a user was stored")
	}
}

func TestAUserHasANameAndAPasswordThatIsStoredOnlyAsItsHash(t *testing.T) {
	d := newDesk(t)
	user, err := d.SignUp(t.Context(), SignUp{Username: "ann", Password: password})
	if err != nil || user.DisplayName != "ann" {
		t.Fatalf("%+v, %v", user, err)
	}
	user, err = d.SignUp(t.Context(), SignUp{Username: "bob", Password: password, DisplayName: "Bob B."})
	if err != nil || user.DisplayName != "Bob B." {
		t.Fatalf("%+v, %v", user, err)
	}
	ann, bob := d.store.accounts["ann"].PasswordHash, d.store.accounts["bob"].PasswordHash
	if ann == bob {
		t.Error("two hashes of one password are equal")
	}
	if !strings.HasPrefix(ann, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", ann)
	}
	_, err = d.SignUp(t.Context(), SignUp{Username: "ann", Password: "another-horse"})
	wantError(t, err, chat.ErrUsernameTaken)
	_, err = d.LogIn(t.Context(), SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Error(err)
	}
}

func TestALoginGivesBothTokensAndStoresNeither(t *testing.T) {
	d := newDesk(t)
	d.advance(1234567 * time.Microsecond)
	d.ann(t)
	login, err := d.LogIn(t.Context(), SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	id := sessionOf(t, login.RefreshToken)
	expires := noon.Add(10*time.Minute + time.Second)
	if login.TokenType != "Bearer" || login.Token != "access:ann:"+id+":12:10:01" || !login.ExpiresAt.Time().Equal(expires) {
		t.Errorf("%+v", login)
	}
	if login.User.Username != "ann" {
		t.Errorf("user %+v", login.User)
	}
	now := noon.Add(1234 * time.Millisecond)
	if !login.RefreshExpiresAt.Time().Equal(now.Add(30 * 24 * time.Hour)) {
		t.Errorf("refresh expires %v", login.RefreshExpiresAt)
	}
	s := d.store.stored(id)
	if s.Username != "ann" || s.Generation != 0 || !s.RefreshedAt.Equal(now) || !s.AccessExpires.Equal(expires) || len(s.RefreshHash) != 32 {
		t.Errorf("stored %+v", s)
	}
	parsed, _ := parseRefreshToken(login.RefreshToken)
	if d.store.holds(parsed.secret[:]) {
		t.Error("the secret is stored")
	}
	if second := d.logIn(t); sessionOf(t, second.RefreshToken) == id {
		t.Error("two logins share a session")
	}
}

func TestEveryFailedLoginLooksTheSame(t *testing.T) {
	d := newDesk(t)
	d.logIn(t)
	if _, err := d.SignUp(t.Context(), SignUp{Username: "gone", Password: password}); err != nil {
		t.Fatal(err)
	}
	if err := d.store.DisableUser(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	withoutPassword(d)
	for _, c := range [][2]string{
		{"robot", password}, {"robot", ""}, {"bob", password}, {"bob", ""}, {"bob@id", password}, {"bob@id", ""},
		{"ann", "wrong-horse"}, {"ann", ""}, {"ann", "short"}, {"ann", strings.Repeat("x", 257)}, {"ann", password + "\x00"},
		{"nobody", password}, {"gone", password}, {"gone", "wrong-horse"}, {"", password}, {"", ""},
		{"ANN", password}, {"ann ", password}, {"ann\x00", password}, {"\xff", password},
	} {
		_, err := d.LogIn(t.Context(), SignIn{Username: c[0], Password: c[1]})
		if err == nil || err.Error() != chat.ErrBadCredentials.Error() {
			t.Errorf("%q: %v", c, err)
		}
	}
	for _, asked := range d.store.asked {
		if chat.CheckUsername(asked) != nil {
			t.Errorf("the store was asked for %q", asked)
		}
	}
}

// withoutPassword stores a bot and users of another issuer. The names of such users are known
// by their '@'; that of bob is not, so that nothing but his hash, which is empty, tells.
func withoutPassword(d *desk) {
	for _, u := range []chat.User{{Username: "robot", Bot: true}, {Username: "bob"}, {Username: "bob@id"}} {
		d.store.accounts[u.Username] = Account{User: u}
	}
}

func TestAnUnknownUserCostsAsMuchAsAWrongPassword(t *testing.T) {
	d := newDesk(t)
	d.logIn(t)
	withoutPassword(d)
	usernames := []string{"nobody", "No Username", "ann", "robot", "bob", "bob@id"}
	for _, username := range usernames {
		account, err := d.account(t.Context(), username)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(account.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") || len(account.PasswordHash) != len(nobodysHash) {
			t.Errorf("%s is compared with %s", username, account.PasswordHash)
		}
	}
	// The gate is passed for each: with none to pass, all of them are busy, and none is read.
	d.passwords, d.store.asked = newGate(0, 0), nil
	for _, username := range usernames {
		_, err := d.LogIn(t.Context(), SignIn{Username: username, Password: "wrong-horse"})
		wantError(t, err, chat.ErrBusy)
	}
	if len(d.store.asked) > 0 {
		t.Errorf("the store was asked for %q", d.store.asked)
	}
}

func TestALoginThatLosesToADisablingIsRefused(t *testing.T) {
	d := newDesk(t)
	d.logIn(t)
	account := d.store.accounts["ann"]
	if err := d.store.DisableUser(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	_, err := d.begin(t.Context(), account, SignIn{})
	wantError(t, err, chat.ErrBadCredentials)
}

func TestTheStoresErrorsComeThrough(t *testing.T) {
	d := newDesk(t)
	login := d.logIn(t)
	d.store.breakWith(chat.ErrUnavailable)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"sign up": func() error {
			_, err := d.SignUp(ctx, SignUp{Username: "bob", Password: password})
			return err
		},
		"log in":  func() error { _, err := d.LogIn(ctx, SignIn{Username: "ann", Password: password}); return err },
		"refresh": func() error { _, err := d.Refresh(ctx, login.RefreshToken); return err },
		"log out": func() error { return d.LogOut(ctx, sessionOf(t, login.RefreshToken)) },
		"log out by refresh token": func() error {
			return d.LogOutByRefreshToken(ctx, login.RefreshToken)
		},
	} {
		if err := call(); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALogoutEndsTheSessionByEitherCredential(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	byAccess, byRefresh, other := d.logIn(t), d.logIn(t), d.logIn(t)
	if err := d.LogOut(ctx, sessionOf(t, byAccess.RefreshToken)); err != nil {
		t.Error(err)
	}
	if err := d.LogOut(ctx, sessionOf(t, byAccess.RefreshToken)); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := d.LogOutByRefreshToken(ctx, byRefresh.RefreshToken); err != nil {
		t.Error(err)
	}
	for _, login := range []chat.Login{byAccess, byRefresh} {
		_, err := d.Refresh(ctx, login.RefreshToken)
		wantError(t, err, chat.ErrBadRefreshToken)
		wantError(t, d.LogOutByRefreshToken(ctx, login.RefreshToken), chat.ErrBadRefreshToken)
	}
	d.refresh(t, other.RefreshToken)
}

func TestALogoutBySpentOrExpiredRefreshTokenEndsTheSessionToo(t *testing.T) {
	for name, spoil := range map[string]func(*desk, chat.Login){
		"spent":   func(d *desk, l chat.Login) { d.refresh(t, d.refresh(t, l.RefreshToken).RefreshToken) },
		"expired": func(d *desk, l chat.Login) { d.advance(SessionIdle) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			login := d.logIn(t)
			spoil(d, login)
			if err := d.LogOutByRefreshToken(t.Context(), login.RefreshToken); err != nil {
				t.Error(err)
			}
			if d.store.isLive(sessionOf(t, login.RefreshToken)) {
				t.Error("the session lives")
			}
		})
	}
}

func TestACancelledSignUpStoresNobody(t *testing.T) {
	d := newDesk(t)
	d.passwords = newGate(1, time.Hour)
	if err := d.passwords.enter(t.Context(), caller{}); err != nil {
		t.Fatal(err)
	}
	defer d.passwords.leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.SignUp(ctx, SignUp{Username: "ann", Password: password}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(d.store.accounts) != 0 {
		t.Error("somebody was stored")
	}
}
