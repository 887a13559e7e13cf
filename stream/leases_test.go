package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// memLease is a lease whose other instances are the test.
type memLease struct {
	mu        sync.Mutex
	elsewhere map[string]int
	// stored is what was told of the lease, tellings how often, most of how many users at
	// once; hearings is how often it was asked for the others'.
	stored                   map[string]int
	tellings, most, hearings int
	held, ended              bool
	// present is who was told to be present, the others are what is at other instances.
	present          map[chat.Whereabouts]bool
	presentElsewhere []chat.Whereabouts
	countElsewhere   map[string]int
	forsaken         map[chat.Whereabouts][]string
	renewed          time.Time
	// broken makes everything fail, hanging not answer.
	broken, hanging bool
}

func (l *memLease) change(ctx context.Context, f func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hanging {
		l.mu.Unlock()
		<-ctx.Done()
		l.mu.Lock()
		return ctx.Err()
	}
	if l.broken {
		return chat.ErrUnavailable
	}
	f()
	return nil
}

func (l *memLease) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// age is how long ago the lease was renewed.
func (l *memLease) age() time.Duration { return time.Since(l.renewed) }

func (l *memLease) Renew(ctx context.Context, last time.Duration) (fresh bool, err error) {
	err = l.change(ctx, func() {
		l.renewed = time.Now()
		if fresh = !l.held; fresh {
			l.held, l.stored, l.present = true, make(map[string]int), nil
		}
	})
	return fresh, err
}

func (l *memLease) Tell(ctx context.Context, streams map[string]int) error {
	return l.change(ctx, func() {
		l.tellings++
		l.most = max(l.most, len(streams))
		for user, n := range streams {
			if l.stored[user] = n; n == 0 {
				delete(l.stored, user)
			}
		}
	})
}

func (l *memLease) Elsewhere(ctx context.Context) (streams map[string]int, err error) {
	err = l.change(ctx, func() {
		l.hearings++
		streams = maps.Clone(l.elsewhere)
	})
	return streams, err
}

func (l *memLease) TellPresence(ctx context.Context, came, gone []chat.Whereabouts) error {
	return l.change(ctx, func() {
		if l.present == nil {
			l.present = make(map[chat.Whereabouts]bool)
		}
		for _, w := range came {
			l.present[w] = true
		}
		for _, w := range gone {
			delete(l.present, w)
		}
	})
}

func (l *memLease) PresentElsewhere(ctx context.Context, users []string) (found []chat.Whereabouts, err error) {
	err = l.change(ctx, func() {
		for _, w := range l.presentElsewhere {
			if slices.Contains(users, w.Username) {
				found = append(found, w)
			}
		}
	})
	return found, err
}

func (l *memLease) CountElsewhere(ctx context.Context, _ []string) (counts map[string]int, err error) {
	err = l.change(ctx, func() { counts = maps.Clone(l.countElsewhere) })
	return counts, err
}

func (l *memLease) Forsaken(ctx context.Context, _ time.Duration) (taken map[chat.Whereabouts][]string, err error) {
	err = l.change(ctx, func() { taken, l.forsaken = l.forsaken, nil })
	return taken, err
}

func (l *memLease) End(ctx context.Context) error {
	return l.change(ctx, func() { l.ended, l.held = true, false })
}

// amongOthers is inHouse with a lease.
func amongOthers(t *testing.T, perUser int, test func(h *house, l *memLease)) {
	t.Helper()
	var l *memLease
	o := Options{Limits: Limits{PerUser: perUser}}
	for name, fast := range map[string]bool{"portable": false, "fast": true} {
		l = &memLease{}
		o.Lease = l
		t.Run(name, func(t *testing.T) { inBubble(t, fast, o, func(h *house) { test(h, l) }) })
	}
}

// rounds is longer than a round, and what was changed before it, take together.
const rounds = 3 * leaseRound

// wantRefused opens a stream that is one too many, or is not.
func wantRefused(h *house, what string, want bool, s Start) *client {
	h.t.Helper()
	c := h.open(s)
	if refused := c.ended() && errors.Is(c.err, chat.ErrTooManyStreams); refused != want {
		h.t.Errorf("%s: refused %v, %v", what, refused, c.err)
	}
	return c
}

func TestStreamsElsewhereCountForAUsersLimit(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		l.set(func() { l.elsewhere = map[string]int{"ann": 5} })
		h.sleep(rounds)
		for i := range 3 {
			wantRefused(h, fmt.Sprint("number ", 5+i+1), false, Start{Chat: "lobby"})
		}
		wantRefused(h, "the ninth", true, Start{Chat: "lobby"})
		wantRefused(h, "another user's", false, Start{Chat: "lobby", Actor: actor("bob", "b")})
		l.set(func() { l.elsewhere = map[string]int{"ann": 4} })
		h.sleep(rounds)
		wantRefused(h, "one ended elsewhere", false, Start{Chat: "lobby"})
		wantRefused(h, "one too many again", true, Start{Chat: "lobby"})
	})
}

func TestOthersAreToldOfUsersWithManyStreamsOnly(t *testing.T) {
	amongOthers(t, 32, func(h *house, l *memLease) {
		told := func(what string, tellings int, want map[string]int) {
			t.Helper()
			h.sleep(rounds)
			if !maps.Equal(l.stored, want) || l.tellings != tellings {
				t.Errorf("%s: told are %v, %d times; want %v, %d times", what, l.stored, l.tellings, want, tellings)
			}
		}
		lobby := Start{Chat: "lobby"}
		first, second := h.open(lobby), h.open(lobby)
		told("two streams", 0, nil)
		h.open(lobby)
		told("a third", 1, map[string]int{"ann": 3})
		told("and nothing more", 1, map[string]int{"ann": 3})
		h.open(lobby)
		first.cancel()
		<-first.done
		told("one more and one less", 2, map[string]int{"ann": 3})
		second.cancel()
		<-second.done
		told("two are left", 3, nil)
	})
}

func TestManyUsersAreToldOfInParts(t *testing.T) {
	amongOthers(t, 1, func(h *house, l *memLease) {
		const users = maxTold + 1
		for i := range users {
			h.open(Start{Actor: actor(fmt.Sprint("user-", i), fmt.Sprint("s-", i))})
		}
		h.sleep(rounds)
		if len(l.stored) != users || l.most > maxTold {
			t.Errorf("%d users are told of, %d at once", len(l.stored), l.most)
		}
	})
}

func TestWhatWasHeardIsUsedUntilItWouldHaveRunOut(t *testing.T) {
	for what, fail := range map[string]func(l *memLease){
		"broken":  func(l *memLease) { l.broken = true },
		"hanging": func(l *memLease) { l.hanging = true },
	} {
		amongOthers(t, 8, func(h *house, l *memLease) {
			l.set(func() { l.elsewhere = map[string]int{"ann": 8} })
			h.sleep(rounds)
			l.set(func() { fail(l) })
			h.sleep(LeaseLasts - rounds)
			wantRefused(h, what+", as last known", true, Start{Chat: "lobby"})
			h.sleep(leaseRenewal + rounds)
			wantRefused(h, what+", and forgotten", false, Start{Chat: "lobby"})
			l.set(func() { l.broken, l.hanging = false, false })
			h.sleep(leaseRenewal + rounds)
			wantRefused(h, "heard of again", true, Start{Chat: "lobby"})
		})
	}
}

func TestAFreshLeaseIsToldOfEverything(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		h.open(Start{Chat: "lobby"})
		h.sleep(rounds)
		l.set(func() { l.held, l.stored = false, nil })
		h.sleep(leaseRenewal + rounds)
		if !maps.Equal(l.stored, map[string]int{"ann": 1}) {
			t.Errorf("told are %v", l.stored)
		}
	})
}

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		h.sleep(rounds)
		l.set(func() { l.broken = true })
		c := h.open(Start{Chat: "lobby"})
		h.open(Start{Chat: "lobby"})
		h.sleep(rounds)
		c.cancel()
		l.set(func() { l.broken = false })
		h.sleep(rounds)
		if !maps.Equal(l.stored, map[string]int{"ann": 1}) {
			t.Errorf("told are %v", l.stored)
		}
	})
}

func TestADrainGivesTheLeaseUpAtOnce(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(rounds)
		began := time.Now()
		h.broker.Drain()
		<-c.done
		synctest.Wait()
		if took := time.Since(began); !l.ended || took > 0 {
			t.Errorf("the lease has ended: %v, after %v", l.ended, took)
		}
	})
}

func TestWithoutALimitTheLeaseIsHeldAndNobodyIsTold(t *testing.T) {
	amongOthers(t, 0, func(h *house, l *memLease) {
		h.open(Start{Chat: "lobby"})
		h.sleep(LeaseLasts)
		if !l.held || l.age() >= LeaseLasts/2 || l.tellings > 0 || l.hearings > 0 {
			t.Errorf("the lease is held: %v, for %v; told %d times, heard %d times", l.held, l.age(), l.tellings, l.hearings)
		}
		h.broker.Drain()
		synctest.Wait()
		if !l.ended {
			t.Error("a drain leaves the lease")
		}
	})
}
