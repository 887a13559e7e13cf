package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

func TestARefreshSpendsTheTokenAndGivesItsSuccessor(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	id := sessionOf(t, first.RefreshToken)
	tokens := map[string]bool{first.RefreshToken: true}
	login := first
	for n := int64(1); n <= 5; n++ {
		d.advance(time.Minute)
		login = d.refresh(t, login.RefreshToken)
		if tokens[login.RefreshToken] || sessionOf(t, login.RefreshToken) != id {
			t.Fatalf("refresh %d: %s", n, login.RefreshToken)
		}
		tokens[login.RefreshToken] = true
		s := d.store.stored(id)
		if s.Generation != n || !s.RefreshedAt.Equal(d.clock()) || !s.RefreshExpires.Equal(d.clock().Add(SessionIdle)) ||
			!s.AccessExpires.Equal(login.ExpiresAt.Time()) {
			t.Errorf("refresh %d stored %+v", n, s)
		}
		if login.User.Username != "ann" || login.TokenType != "Bearer" || !strings.HasPrefix(login.Token, "access:ann:"+id) {
			t.Errorf("refresh %d: %+v", n, login)
		}
	}
}

func TestALostAnswerIsGivenAgainFor30SecondsAndNotLonger(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	id := sessionOf(t, first.RefreshToken)
	d.advance(time.Minute)
	second := d.refresh(t, first.RefreshToken)
	given := d.store.stored(id)

	d.advance(20 * time.Second)
	again := d.refresh(t, first.RefreshToken)
	if again.RefreshToken != second.RefreshToken || again.RefreshExpiresAt != second.RefreshExpiresAt {
		t.Errorf("got %+v again, want %+v", again, second)
	}
	if !again.ExpiresAt.Time().Equal(second.ExpiresAt.Time().Add(20 * time.Second)) {
		t.Errorf("its access token ends %v", again.ExpiresAt)
	}
	s := d.store.stored(id)
	if s.Generation != 1 || !s.RefreshedAt.Equal(given.RefreshedAt) || !s.RefreshExpires.Equal(given.RefreshExpires) {
		t.Errorf("the grace was prolonged: %+v", s)
	}
	if !s.AccessExpires.Equal(again.ExpiresAt.Time()) {
		t.Errorf("open streams are not told of the newer access token: %v", s.AccessExpires)
	}

	d.advance(10*time.Second - time.Millisecond)
	if last := d.refresh(t, first.RefreshToken); last.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	d.advance(time.Millisecond)
	_, err := d.Refresh(t.Context(), first.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
	if d.store.isLive(id) {
		t.Error("the session lives")
	}
	_, err = d.Refresh(t.Context(), second.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
}

func TestALostAnswerGivenByAClockBehindShortensNoStream(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	d.advance(time.Minute)
	second := d.refresh(t, first.RefreshToken)
	d.advance(-5 * time.Second)
	again := d.refresh(t, first.RefreshToken)
	s := d.store.stored(sessionOf(t, first.RefreshToken))
	if !s.AccessExpires.Equal(second.ExpiresAt.Time()) || !again.ExpiresAt.Time().Before(s.AccessExpires) {
		t.Errorf("stored %v; given %v, then %v", s.AccessExpires, second.ExpiresAt, again.ExpiresAt)
	}
}

func TestASpentTokenEndsTheSessionOnceItsSuccessorWasUsed(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	second := d.refresh(t, first.RefreshToken)
	third := d.refresh(t, second.RefreshToken)
	_, err := d.Refresh(t.Context(), first.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
	for _, login := range []chat.Login{first, second, third} {
		_, err := d.Refresh(t.Context(), login.RefreshToken)
		wantError(t, err, chat.ErrBadRefreshToken)
	}
	if d.store.isLive(sessionOf(t, first.RefreshToken)) {
		t.Error("the session lives")
	}
}

func TestAnOldTokenIsKnownAfterManyRefreshes(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	login := first
	for range 100 {
		login = d.refresh(t, login.RefreshToken)
	}
	_, err := d.Refresh(t.Context(), first.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
	if d.store.isLive(sessionOf(t, first.RefreshToken)) {
		t.Error("a token copied long ago did not end the session")
	}
}

func TestReuseEndsTheSessionAlsoWhereTheThiefHangsUp(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	d.refresh(t, d.refresh(t, first.RefreshToken).RefreshToken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Refresh(ctx, first.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
	if d.store.isLive(sessionOf(t, first.RefreshToken)) {
		t.Error("the session lives")
	}
}

func TestAForgedTokenEndsNoSession(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	second := d.refresh(t, first.RefreshToken)
	third := d.refresh(t, second.RefreshToken)
	id := sessionOf(t, first.RefreshToken)
	secret := func(fill string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(fill, 32)))
	}
	otherKey := DeriveKey([]byte("another secret of thirty-two bytes"), "refresh token")
	known, _ := parseRefreshToken(second.RefreshToken)
	for name, token := range map[string]string{
		"an older generation":          id + ".0." + secret("a"),
		"one behind":                   id + ".1." + secret("a"),
		"the present generation":       id + ".2." + secret("a"),
		"the next generation":          id + ".3." + secret("a"),
		"a huge generation":            id + ".9223372036854775807." + secret("a"),
		"the generation behind that":   id + ".9223372036854775808." + secret("a"),
		"a negative generation":        id + ".-1." + secret("a"),
		"an old token, renumbered":     strings.Replace(first.RefreshToken, ".0.", ".1.", 1),
		"the present one, renumbered":  strings.Replace(third.RefreshToken, ".2.", ".1.", 1),
		"a successor by another key":   known.successor(otherKey).String(),
		"another session":              "S" + third.RefreshToken,
		"an unknown session":           "SESSION.0." + secret("a"),
		"no token":                     "",
		"an access token":              third.Token,
		"another spelling":             strings.Replace(third.RefreshToken, ".2.", ".02.", 1),
		"a signed number":              strings.Replace(third.RefreshToken, ".2.", ".+2.", 1),
		"padding":                      third.RefreshToken + "=",
		"a line break":                 third.RefreshToken + "\n",
		"a space":                      " " + third.RefreshToken,
		"a part too many":              third.RefreshToken + ".",
		"the secret cut":               third.RefreshToken[:len(third.RefreshToken)-2],
		"very long":                    strings.Repeat("A", 1<<20),
		"NUL in the session":           "a\x00b.0." + secret("a"),
		"a session of half a megabyte": strings.Repeat("A", 1<<19) + ".0." + secret("a"),
	} {
		_, err := d.Refresh(t.Context(), token)
		if !errors.Is(err, chat.ErrBadRefreshToken) {
			t.Errorf("%s: refresh: %v", name, err)
		}
		if err := d.LogOutByRefreshToken(t.Context(), token); !errors.Is(err, chat.ErrBadRefreshToken) {
			t.Errorf("%s: logout: %v", name, err)
		}
		if !d.store.isLive(id) {
			t.Fatalf("%s ended the session", name)
		}
	}
	d.refresh(t, third.RefreshToken)
}

func TestAGenerationTooFarBackIsNotWalked(t *testing.T) {
	d := newDesk(t)
	first := d.logIn(t)
	id := sessionOf(t, first.RefreshToken)
	s := d.store.stored(id)
	present, _ := parseRefreshToken(first.RefreshToken)
	for range maxChain + 1 {
		present = present.successor(refreshKey)
	}
	s.Generation, s.RefreshHash = present.generation, present.hash()
	d.store.sessions[id] = s
	_, err := d.Refresh(t.Context(), first.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
	if !d.store.isLive(id) {
		t.Error("ended by what was not proven")
	}
	d.refresh(t, present.String())
}

func TestAnExpiredRefreshTokenIsRefused(t *testing.T) {
	d := newDesk(t)
	login := d.logIn(t)
	d.advance(SessionIdle - time.Millisecond)
	login = d.refresh(t, login.RefreshToken)
	d.advance(SessionIdle)
	_, err := d.Refresh(t.Context(), login.RefreshToken)
	wantError(t, err, chat.ErrBadRefreshToken)
}

func TestASessionEndsAtItsMostHoweverOftenItIsRefreshed(t *testing.T) {
	for name, c := range map[string]struct {
		options           Options
		every, idle, most time.Duration
	}{
		"by default": {Options{}, 20 * 24 * time.Hour, SessionIdle, SessionMost},
		"by options": {Options{Idle: time.Hour, Most: 150 * time.Minute}, 40 * time.Minute, time.Hour, 150 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.idle, d.most = New(c.options).idle, New(c.options).most
			login := d.logIn(t)
			last := noon.Add(c.most)
			refresh := func() {
				t.Helper()
				want := d.clock().Add(c.idle)
				if want.After(last) {
					want = last
				}
				login = d.refresh(t, login.RefreshToken)
				stored := d.store.stored(sessionOf(t, login.RefreshToken)).RefreshExpires
				if !login.RefreshExpiresAt.Time().Equal(want) || !stored.Equal(want) {
					t.Errorf("after %s the session is said to end at %v, stored is %v, want %v", d.clock().Sub(noon), login.RefreshExpiresAt, stored, want)
				}
			}
			for d.advance(c.every); d.clock().Before(last); d.advance(c.every) {
				refresh()
			}
			d.advance(last.Sub(d.clock()) - time.Millisecond)
			refresh()
			for range 2 {
				d.advance(time.Millisecond)
				_, err := d.Refresh(t.Context(), login.RefreshToken)
				wantError(t, err, chat.ErrBadRefreshToken)
			}
		})
	}
}

func TestARefreshOfAnEndedOrDisabledSessionIsRefused(t *testing.T) {
	for name, end := range map[string]func(*desk, string) error{
		"ended":    func(d *desk, id string) error { return d.store.EndSession(t.Context(), id) },
		"disabled": func(d *desk, id string) error { return d.store.DisableUser(t.Context(), "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			login := d.logIn(t)
			if err := end(d, sessionOf(t, login.RefreshToken)); err != nil {
				t.Fatal(err)
			}
			_, err := d.Refresh(t.Context(), login.RefreshToken)
			wantError(t, err, chat.ErrBadRefreshToken)
		})
		t.Run(name+" in between", func(t *testing.T) {
			d := newDesk(t)
			login := d.logIn(t)
			d.store.beforeRenew = func() {
				if err := end(d, sessionOf(t, login.RefreshToken)); err != nil {
					t.Error(err)
				}
			}
			_, err := d.Refresh(t.Context(), login.RefreshToken)
			wantError(t, err, chat.ErrBadRefreshToken)
		})
	}
}

func TestARefreshThatLosesToAnotherGetsTheSameSuccessor(t *testing.T) {
	d := newDesk(t)
	login := d.logIn(t)
	other := New(Options{Store: d.store, Signer: signer{d.clock}, RefreshKeys: [][]byte{refreshKey}, Now: d.clock})
	var winner chat.Login
	var once sync.Once
	d.store.beforeRenew = func() {
		once.Do(func() {
			// The nested refresh comes here again and must pass.
			d.store.beforeRenew = nil
			var err error
			if winner, err = other.Refresh(t.Context(), login.RefreshToken); err != nil {
				t.Error(err)
			}
		})
	}
	if loser := d.refresh(t, login.RefreshToken); loser.RefreshToken != winner.RefreshToken {
		t.Errorf("%s and %s", loser.RefreshToken, winner.RefreshToken)
	}
	if s := d.store.stored(sessionOf(t, login.RefreshToken)); s.Generation != 1 {
		t.Errorf("generation %d", s.Generation)
	}
}

// Two instances, one of whose clocks is wrong by more than the grace.
func TestGraceIsByTheStoresClock(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		d := newDesk(t)
		login := d.logIn(t)
		wrong := func() time.Time { return d.clock().Add(off) }
		other := New(Options{Store: d.store, Signer: signer{wrong}, RefreshKeys: [][]byte{refreshKey}, Now: wrong})
		first, err := other.Refresh(t.Context(), login.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		d.advance(Grace - time.Second)
		for name, instance := range map[string]*Service{"right": d.Service, "wrong": other} {
			again, err := instance.Refresh(t.Context(), login.RefreshToken)
			if err != nil || again.RefreshToken != first.RefreshToken {
				t.Errorf("off by %s, in grace by the %s clock: %v", off, name, err)
			}
		}
		d.advance(2 * time.Second)
		_, err = other.Refresh(t.Context(), login.RefreshToken)
		wantError(t, err, chat.ErrBadRefreshToken)
	}
}

func TestManyTabsThatRefreshAtOnceAllStayLoggedIn(t *testing.T) {
	d := newDesk(t)
	login := d.logIn(t)
	for range 20 {
		const tabs = 16
		got := make([]string, tabs)
		var wg sync.WaitGroup
		for i := range tabs {
			wg.Go(func() {
				next, err := d.Refresh(t.Context(), login.RefreshToken)
				if err != nil {
					t.Error(err)
				}
				got[i] = next.RefreshToken
			})
		}
		wg.Wait()
		for _, token := range got {
			if token != got[0] {
				t.Fatalf("tabs got %s and %s", token, got[0])
			}
		}
		login.RefreshToken = got[0]
	}
	if s := d.store.stored(sessionOf(t, login.RefreshToken)); s.Generation != 20 {
		t.Errorf("generation %d after 20 rounds", s.Generation)
	}
}

func FuzzRefreshToken(f *testing.F) {
	f.Add("")
	f.Add("..")
	f.Add("S.0." + strings.Repeat("A", 43))
	f.Add("S.00." + strings.Repeat("A", 43))
	f.Add("S.1." + strings.Repeat("A", 42) + "B")
	f.Add(firstRefreshToken("SESSION").String())
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parseRefreshToken(text)
		if !ok {
			return
		}
		if token.String() != text || token.generation < 0 || !IsSessionID(token.session) {
			t.Errorf("%q was read as %q", text, token)
		}
	})
}
