package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// me answers GET /me, refusing the first n requests.
func (s *service) me(n int64, refusal *chat.Error) *atomic.Int64 {
	var asked atomic.Int64
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= n {
			refuse(w, 401, refusal)
			return
		}
		answer(w, 200, map[string]string{"username": "ann", "display_name": r.Header.Get("Authorization"), "created_at": "2026-01-02T03:04:05.678Z"})
	})
	return &asked
}

// wantMe asks who one is and under which token.
func (s *service) wantMe(t *testing.T, token string) {
	t.Helper()
	u, err := s.client.Me(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if u.Username != "ann" || u.DisplayName != "Bearer "+token {
		t.Errorf("%+v, want token %s", u, token)
	}
}

func TestSigningUpSaysWhatIsKnownAndNoMore(t *testing.T) {
	s := newService(t)
	s.HandleFunc("POST /users", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		if _, named := body["display_name"]; named || body["username"] != "ann" || body["password"] != "correct-horse" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", body)
		}
		answer(w, 201, chat.User{Username: "ann", DisplayName: "ann"})
	})
	if u, err := s.client.SignUp(testContext(t), "ann", "correct-horse", ""); err != nil || u.DisplayName != "ann" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestALoginThatIsRefusedChangesNothing(t *testing.T) {
	s := newService(t)
	var wrong atomic.Bool
	s.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if wrong.Load() {
			refuse(w, 401, chat.ErrBadCredentials)
			return
		}
		answer(w, 200, chat.Login{Token: "access", RefreshToken: "refresh", ExpiresAt: chat.NewTime(time.Now().Add(time.Hour))})
	})
	s.me(0, nil)
	s.logIn(t)
	wrong.Store(true)
	if _, err := s.client.LogIn(testContext(t), "ann", "wrong-horse"); !errors.Is(err, chat.ErrBadCredentials) {
		t.Error(err)
	}
	s.wantMe(t, "access")
}

func TestAnAccessTokenIsRenewedShortlyBeforeItsEnd(t *testing.T) {
	s := newService(t)
	s.accounts(10 * time.Minute)
	s.me(0, nil)
	s.logIn(t)
	s.age(9 * time.Minute)
	s.wantMe(t, "access-1")
	s.age(40 * time.Second)
	s.wantMe(t, "access-2")
	s.wantMe(t, "access-2")
}

func TestTheLifeOfATokenIsMeasuredByTheServicesClock(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			s := newService(t)
			a := s.accounts(10 * time.Minute)
			a.clock = func() time.Time { return time.Now().Add(skew) }
			s.me(0, nil)
			s.logIn(t)
			s.wantMe(t, "access-1")
			s.age(10 * time.Minute)
			s.wantMe(t, "access-2")
		})
	}
}

func TestA401RenewsOnce(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	s.me(1, unauthenticated)
	s.logIn(t)
	s.wantMe(t, "access-2")
	if got := a.presented(); got != "refresh-1" {
		t.Errorf("presented %s", got)
	}
}

func TestASecond401IsTheCallers(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	asked := s.me(5, unauthenticated)
	s.logIn(t)
	if _, err := s.client.Me(testContext(t)); !errors.Is(err, unauthenticated) {
		t.Error(err)
	}
	if asked.Load() != 2 || a.renewals.Load() != 1 {
		t.Errorf("asked %d times, %d renewals", asked.Load(), a.renewals.Load())
	}
}

func TestASessionThatHasEndedIsNotRenewed(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	s.me(1, chat.ErrSessionEnded)
	s.logIn(t)
	if _, err := s.client.Me(testContext(t)); !errors.Is(err, chat.ErrSessionEnded) || a.renewals.Load() != 0 {
		t.Errorf("%v, %d renewals", err, a.renewals.Load())
	}
}

func TestManyCallersRenewOnce(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	const callers = 16
	var at sync.WaitGroup
	at.Add(callers)
	var asked atomic.Int64
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= callers {
			at.Done()
			at.Wait() // all of them are refused at once
			refuse(w, 401, unauthenticated)
			return
		}
		if got := r.Header.Get("Authorization"); got != "Bearer access-2" {
			t.Error(got)
		}
		answer(w, 200, chat.User{Username: "ann"})
	})
	s.logIn(t)
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			if _, err := s.client.Me(testContext(t)); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if got := a.presented(); got != "refresh-1" {
		t.Errorf("presented %s", got)
	}
}

func TestAStreamThatAsksEarlyIsAnsweredAtHalfOfTheTokensLife(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	s.logIn(t)
	var waited time.Duration
	s.client.pause = func(_ context.Context, d time.Duration) error { waited = d; return nil }
	s.age(10 * time.Minute)
	s.client.keep(testContext(t))
	if a.renewals.Load() != 1 || waited < 19*time.Minute || waited > 20*time.Minute+time.Second {
		t.Errorf("%d renewals after %v", a.renewals.Load(), waited)
	}
}

func TestAStreamThatAsksLateFindsTheSessionRenewed(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	s.logIn(t)
	s.client.pause = func(ctx context.Context, _ time.Duration) error {
		_, err := s.client.renew(ctx, s.client.current().generation)
		return err
	}
	s.client.keep(testContext(t))
	if got := a.presented(); got != "refresh-1" {
		t.Errorf("presented %s", got)
	}
}

func TestARenewalWhoseAnswerWasLostIsRepeatedWithTheSameToken(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	a.before = func(n int64) {
		if n < 3 {
			panic(http.ErrAbortHandler)
		}
	}
	s.me(1, unauthenticated)
	s.logIn(t)
	s.wantMe(t, "access-2")
	if got := a.presented(); got != "refresh-1 refresh-1 refresh-1" {
		t.Errorf("presented %s", got)
	}
}

func TestATokenThatIsStillGoodOutlivesAFailedRenewal(t *testing.T) {
	s := newService(t)
	a := s.accounts(10 * time.Minute)
	var down atomic.Bool
	down.Store(true)
	a.before = func(int64) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
	}
	s.me(0, nil)
	s.logIn(t)
	s.age(9*time.Minute + 40*time.Second)
	s.wantMe(t, "access-1")
	down.Store(false)
	s.wantMe(t, "access-2")
}

func TestASpentSessionIsNotAskedForAgain(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	a.refused.Store(true)
	asked := s.me(10, unauthenticated)
	s.logIn(t)
	for range 3 {
		if _, err := s.client.Me(testContext(t)); !errors.Is(err, chat.ErrBadRefreshToken) {
			t.Error(err)
		}
	}
	if asked.Load() != 1 || a.renewals.Load() != 1 {
		t.Errorf("asked %d times, %d renewals", asked.Load(), a.renewals.Load())
	}
	s.logIn(t)
	a.refused.Store(false)
	if _, err := s.client.Me(testContext(t)); !errors.Is(err, unauthenticated) {
		t.Errorf("after the next login: %v", err)
	}
}

func TestARenewalUnderWayOutlastsItsCaller(t *testing.T) {
	s := newService(t)
	s.client.renewalGrace = soon
	a := s.accounts(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	a.before = func(int64) { cancel() }
	s.me(1, unauthenticated)
	s.logIn(t)
	if _, err := s.client.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.wantMe(t, "access-2")
}

func TestARenewalThatIsNotAnsweredDoesNotHoldItsCallerForLong(t *testing.T) {
	s := newService(t)
	s.client.renewalGrace = time.Millisecond
	a := s.accounts(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	a.before = func(n int64) {
		if n == 1 {
			cancel()
			<-gone
		}
	}
	s.me(1, unauthenticated)
	s.logIn(t)
	if _, err := s.client.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(gone)
	s.wantMe(t, "access-1")
}

func TestWaitingForAnothersRenewalEndsWithTheContext(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	under, release := make(chan struct{}), make(chan struct{})
	a.before = func(int64) { close(under); <-release }
	s.logIn(t)
	generation := s.client.current().generation
	first := make(chan error, 1)
	go func() { _, err := s.client.renew(testContext(t), generation); first <- err }()
	<-under
	cancel()
	if _, err := s.client.renew(ctx, generation); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestARequestThatIsNotAnsweredIsGivenUp(t *testing.T) {
	s := newService(t)
	s.client.answerWithin = 20 * time.Millisecond
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := s.client.Me(testContext(t))
	if _, ok := errors.AsType[*unanswered](err); !ok {
		t.Error(err)
	}
}

func TestLoggingOutEndsTheSessionAndForgetsIt(t *testing.T) {
	s := newService(t)
	s.accounts(time.Hour)
	var lost atomic.Bool
	lost.Store(true)
	s.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		var body refreshBody
		json.NewDecoder(r.Body).Decode(&body)
		if body.RefreshToken != "refresh-1" {
			t.Errorf("%+v", body)
		}
		if lost.Load() {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(204)
	})
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" {
			t.Errorf("Authorization: %s", got)
		}
		refuse(w, 401, unauthenticated)
	})
	s.logIn(t)
	if err := s.client.LogOut(testContext(t)); err == nil {
		t.Error("a lost answer is no error")
	}
	lost.Store(false)
	if err := s.client.LogOut(testContext(t)); err != nil {
		t.Error(err)
	}
	if _, err := s.client.Me(testContext(t)); !errors.Is(err, unauthenticated) {
		t.Error(err)
	}
}
