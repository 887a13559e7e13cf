package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

// keeper keeps a session in memory.
type keeper struct {
	mu      sync.Mutex
	session Session
	changes int
}

func (k *keeper) Change(_ context.Context, change func(Session) (Session, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next, err := change(k.session)
	if err == nil && next != k.session {
		k.session, k.changes = next, k.changes+1
	}
	return err
}

// sharing makes another client of the session that k keeps.
func (s *service) sharing(k *keeper) *Client {
	c := New(s.url, WithHTTPClient(s.client.http), WithSession(k.session, k))
	c.pause = s.waits.pause
	return c
}

func TestASessionIsRenewedByOneOfTheClientsThatShareIt(t *testing.T) {
	k := &keeper{}
	s := newService(t, WithSession(Session{}, k))
	a := s.accounts(time.Minute)
	s.me(0, nil)
	s.logIn(t)
	k.session.Since = k.session.Since.Add(-time.Hour)
	k.session.Until = k.session.Since.Add(time.Minute)
	clients := []*Client{s.sharing(k), s.sharing(k), s.sharing(k)}
	var asking sync.WaitGroup
	for _, c := range clients {
		asking.Go(func() {
			if _, err := c.Me(testContext(t)); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if got := a.presented(); got != "refresh-1" {
		t.Errorf("presented %q: each refresh token is spent once, by one of them", got)
	}
	if k.session.RefreshToken != "refresh-2" || k.session.Username != "ann" {
		t.Errorf("kept is %+v", k.session)
	}
}

func TestAClientThatIsKeptFromRenewingLosesNothing(t *testing.T) {
	k := &keeper{}
	s := newService(t, WithSession(Session{}, k))
	a := s.accounts(time.Minute)
	s.logIn(t)
	a.refused.Store(true)
	if _, err := s.client.renew(testContext(t), s.client.current().generation); !errors.Is(err, chat.ErrBadRefreshToken) {
		t.Fatal(err)
	}
	if k.session.RefreshToken != "refresh-1" {
		t.Errorf("kept is %+v", k.session)
	}
}

func TestAnotherUsersSessionIsLeftAlone(t *testing.T) {
	k := &keeper{}
	s := newService(t, WithSession(Session{}, k))
	a := s.accounts(time.Minute)
	s.me(0, nil)
	s.logIn(t)
	bobs := Session{Username: "bob", Token: "bobs", RefreshToken: "bobs-refresh", Since: time.Now(), Until: time.Now().Add(time.Minute)}
	k.session = bobs
	s.age(time.Hour)
	if _, err := s.client.Me(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := a.presented(); got != "refresh-1" || k.session != bobs {
		t.Errorf("presented %q, and kept is %+v", got, k.session)
	}
}

func TestATokenThatWasGivenIsNotRenewed(t *testing.T) {
	s := newService(t, WithToken("parley_script"))
	s.accounts(time.Minute)
	asked := 0
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		asked++
		if got := r.Header.Get("Authorization"); got != "Bearer parley_script" {
			t.Errorf("Authorization is %q", got)
		}
		refuse(w, 401, unauthenticated)
	})
	if _, err := s.client.Me(testContext(t)); !errors.Is(err, unauthenticated) || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
