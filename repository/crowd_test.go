package repository

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
	"parley/e2e/need"
)

// A join is some nine messages to the database. The bounds are those of a busy machine.
func TestManyChangesRefuseNoStranger(t *testing.T) {
	t.Parallel()
	for _, n := range []int{100, 400} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := &store{url: farAway(t, need.Postgres(t), 1500*time.Microsecond)}
			reg := prometheus.NewRegistry()
			here, there := s.open(t, func(o *Options) { o.Registerer = reg }), s.open(t)
			as := signUp(t, here, "ann", "eve")
			makeChat(t, here, as["ann"], "den", chat.Private, nil)
			makeChat(t, there, as["eve"], "elsewhere", chat.Private, nil)
			fill(t, here, `INSERT INTO users SELECT 'u' || n, 'U', 'x', 0 FROM generate_series(0, ?) n`, n)

			stop := make(chan struct{})
			var stranger sync.WaitGroup
			var slowest time.Duration
			posts := 0
			stranger.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					began := time.Now()
					if _, err := there.Post(t.Context(), as["eve"], chat.Post{Chat: "elsewhere", Text: "hello"}); err != nil {
						t.Errorf("a stranger is refused: %v", err)
					}
					slowest, posts = max(slowest, time.Since(began)), posts+1
				}
			})
			rest := sync.OnceFunc(func() {
				close(stop)
				stranger.Wait()
			})
			defer rest()
			stored, refused := joinTogether(t, here, as["ann"], n)
			// What was given up must not be stored later either: this one comes behind it.
			logIn(t, here, "ann")
			rest()
			if got := number(t, here, `SELECT count(*) FROM memberships WHERE chat = 'den'`); got != int64(stored)+1 {
				t.Errorf("%d are stored, %d were answered for and %d refused", got-1, stored, refused)
			}
			longest := longestLock(t, reg)
			// The buckets double, and a busy machine adds to what RunFor and StatementFor bound.
			if longest > 2.048 {
				t.Errorf("the lock was held for up to %vs", longest)
			}
			t.Logf("%d joins: %d stored, %d refused; lock held ≤ %vs; a stranger posted %d times, in %v at the most",
				n, stored, refused, longest, posts, slowest)
			wantWholeLog(t, here)
		})
	}
}

// joinTogether lets n users be put into a chat at the same time.
func joinTogether(t *testing.T, r *Repository, owner chat.Actor, n int) (stored, refused int) {
	t.Helper()
	var joins []func() error
	for i := range n {
		joins = append(joins, func() error {
			began := time.Now()
			_, err := r.PutMember(context.Background(), owner, "den", fmt.Sprintf("u%d", i), "")
			if took := time.Since(began); took > measured {
				t.Errorf("answered after %v", took)
			}
			return err
		})
	}
	for _, err := range together(joins...) {
		switch {
		case err == nil:
			stored++
		case errors.Is(err, chat.ErrUnavailable):
			refused++
		default:
			t.Error(err)
		}
	}
	return stored, refused
}

// longestLock is the upper bound of the last bucket that has anything in it.
func longestLock(t testing.TB, reg *prometheus.Registry) (seconds float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "parley_log_lock_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		for _, b := range h.GetBucket() {
			seconds = b.GetUpperBound()
			if b.GetCumulativeCount() == h.GetSampleCount() {
				return seconds
			}
		}
	}
	return seconds
}

// slowStatements take too long behind the lock, each by itself or twenty of them together.
var slowStatements = map[string][]string{
	"postgres": {`SELECT pg_sleep(5)`, `DO $$ BEGIN PERFORM pg_sleep(0.1); END $$`},
	"sqlite": {`UPDATE users SET display_name = 'x' WHERE 0 > (WITH RECURSIVE n (i) AS
		(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n)`},
}

func TestAChangeThatTakesTooLongIsRefusedAloneInItsBatch(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		slow := slowStatements[r.dialect.name]
		for _, statement := range slow {
			before := headOf(t, r)
			logIn := func() error { return r.CreateSession(t.Context(), newSession("ann")) }
			title := fmt.Sprint(before)
			errs := inOneBatch(t, r, logIn,
				func() error {
					_, err := r.UpdateChat(t.Context(), ann, "den", chat.ChatChange{Title: &title})
					return err
				},
				func() error {
					_, err := write(t.Context(), r, "", func(ctx context.Context, tx *transaction) (none struct{}, err error) {
						for range 20 {
							if _, err := tx.exec(ctx, statement); err != nil {
								return none, err
							}
						}
						return none, nil
					})
					return err
				},
				logIn,
				func() error {
					_, err := r.Post(t.Context(), ann, chat.Post{Chat: "den", Text: "hello"})
					return err
				})
			for i, err := range errs {
				if i == 2 {
					wantRefusal(t, err, chat.ErrUnavailable)
				} else if err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			}
			if got := headOf(t, r); got != before+2 {
				t.Errorf("the head went from %d to %d", before, got)
			}
			wantWholeLog(t, r)
		}
		if n := number(t, r, `SELECT count(*) FROM sessions`); n != int64(1+2*len(slow)) {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAChangeDoesNotWaitForAllOfAStranger(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		changes := map[string]func(who string, i int) error{
			"profile": func(who string, _ int) error {
				_, err := r.ChangeOwnUser(t.Context(), as[who], who)
				return err
			},
			"token of another issuer": func(who string, i int) error {
				f := subjectOf(who, who)
				f.Session = fmt.Sprint(who, " ", i)
				_, err := r.Admit(t.Context(), f)
				return err
			},
		}
		if r.dialect == sqliteDialect { // else it does not wait for the log
			changes["ticket"] = func(who string, i int) error {
				_, err := r.SpendTicket(t.Context(), who, fmt.Sprint(who, i), chat.NewTime(time.Now().Add(time.Minute)))
				return err
			}
		}
		for what, change := range changes {
			wantTurns(t, r, what, change)
		}
	})
}

// wantTurns lets bob make a change while many of ann's wait, and wants it not to be behind most of them.
func wantTurns(t *testing.T, r *Repository, what string, change func(who string, i int) error) {
	t.Helper()
	const many = 200
	release := hold(t, r)
	t.Cleanup(release)
	var all sync.WaitGroup
	var done atomic.Int64
	for i := range many {
		all.Go(func() {
			if err := change("ann", i); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			done.Add(1)
		})
	}
	eventually(t, "one user's changes in the queue: "+what, func() bool { return waiting(r) == many })
	before := make(chan int64, 1)
	all.Go(func() {
		if err := change("bob", 0); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		before <- done.Load()
	})
	eventually(t, "a stranger's change in the queue: "+what, func() bool { return waiting(r) == many+1 })
	release()
	all.Wait()
	if n := <-before; n > many/2 {
		t.Errorf("%s: a stranger's change came behind %d of %d", what, n, many)
	}
}
