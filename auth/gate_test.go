package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// crowd is a gate of one slot, which is taken, and the callers that wait at it.
// Its tests run in a synctest bubble.
type crowd struct {
	*gate
	t *testing.T
	// served are the callers that got the slot, in order. It is theirs while they
	// have the slot.
	served []caller
	errs   map[caller][]error
	done   chan outcome
	wait   int
}

type outcome struct {
	caller
	err error
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{gate: newGate(1, patience), t: t, errs: make(map[caller][]error), done: make(chan outcome)}
	if err := c.enter(t.Context(), caller{"holder", "holder"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// comes lets callers come one after the other, each by "address/username".
func (c *crowd) comes(names ...string) {
	for _, name := range names {
		address, username, _ := strings.Cut(name, "/")
		who := caller{address, username}
		c.wait++
		go func() {
			err := c.enter(c.t.Context(), who)
			if err == nil {
				c.served = append(c.served, who)
				c.leave()
			}
			c.done <- outcome{who, err}
		}()
		synctest.Wait()
	}
}

// ends lets the slot go round and collects what became of everybody.
func (c *crowd) ends() {
	go c.leave()
	for range c.wait {
		o := <-c.done
		c.errs[o.caller] = append(c.errs[o.caller], o.err)
	}
	c.wait = 0
	if len(c.waiting)+len(c.addresses)+len(c.usernames) != 0 || c.free != 1 {
		c.t.Errorf("the gate is not empty: %+v", c.gate)
	}
}

func (c *crowd) wantServed(want ...string) {
	c.t.Helper()
	var got []string
	for _, s := range c.served {
		got = append(got, s.address+"/"+s.username)
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("served %v,\nwant   %v", got, want)
	}
}

// refused counts the callers that were told to come back.
func (c *crowd) refused(name string) int {
	address, username, _ := strings.Cut(name, "/")
	n := 0
	for _, err := range c.errs[caller{address, username}] {
		if err != nil {
			wantError(c.t, err, chat.ErrBusy)
			n++
		}
	}
	return n
}

func times(n int, name string) []string { return slices.Repeat([]string{name}, n) }

// madeUp are n callers of one address, each with a username of its own.
func madeUp(n int, address string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s/made-up-%d", address, i)
	}
	return names
}

// scattered are n callers of one username, each at an address of its own.
func scattered(n int, username string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("192.0.2.%d/%s", i, username)
	}
	return names
}

func TestSlotsGoRoundOverAddressesAndUsernames(t *testing.T) {
	for name, c := range map[string]struct{ come, served []string }{
		"first come, first served": {
			[]string{"a/1", "b/2", "c/3"},
			[]string{"a/1", "b/2", "c/3"},
		},
		"addresses": {
			[]string{"a/1", "a/2", "a/3", "b/4", "b/5"},
			[]string{"a/1", "b/4", "a/2", "b/5", "a/3"},
		},
		"usernames of one address": {
			[]string{"/ann", "/ann", "/ann", "/bob", "/bob"},
			[]string{"/ann", "/bob", "/ann", "/bob", "/ann"},
		},
		"usernames of many addresses": {
			[]string{"a/ann", "b/ann", "c/ann", "d/bob"},
			[]string{"a/ann", "d/bob", "b/ann", "c/ann"},
		},
		"a known address and an unknown one": {
			[]string{"/1", "/2", "/3", "a/4"},
			[]string{"/1", "a/4", "/2", "/3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := newCrowd(t)
				crowd.comes(c.come...)
				crowd.ends()
				crowd.wantServed(c.served...)
			})
		})
	}
}

func TestStrangersAreServedNextHoweverManyHammer(t *testing.T) {
	const many = 4 * placesPerSlot
	for name, c := range map[string]struct {
		hammer   []string
		stranger string
	}{
		"one address and one username":               {times(many, "a/eve"), "b/ann"},
		"one address and one username, the same":     {times(many, "a/ann"), "b/ann"},
		"one address and made-up usernames":          {madeUp(many, "a"), "b/ann"},
		"one username at many addresses":             {scattered(many, "eve"), "b/ann"},
		"one username at an unknown address":         {times(many, "/eve"), "/ann"},
		"one username at the stranger's own address": {times(many, "b/eve"), "b/ann"},
		"made-up usernames at an unknown address":    {madeUp(many, ""), "b/ann"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := newCrowd(t)
				crowd.comes(c.hammer...)
				crowd.comes(c.stranger)
				crowd.ends()
				if n := crowd.refused(c.stranger); n != 0 {
					t.Error("the stranger was refused")
				}
				address, username, _ := strings.Cut(c.stranger, "/")
				if place := slices.Index(crowd.served, caller{address, username}); place > 1 {
					t.Errorf("the stranger was served after %d others", place)
				}
				if len(crowd.served) != placesPerSlot {
					t.Errorf("%d were served of %d places", len(crowd.served), placesPerSlot)
				}
			})
		})
	}
}

func TestFortyMadeUpUsernamesLeaveRoomForAnotherAtTheirAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := newCrowd(t)
		crowd.places = 2 * placesPerSlot // as on two cores
		crowd.comes(madeUp(40, "")...)
		crowd.comes(times(8, "/ann")...)
		crowd.ends()
		if n := crowd.refused("/ann"); n != 0 {
			t.Errorf("%d of 8 were refused", n)
		}
		if place := slices.Index(crowd.served, caller{"", "ann"}); place > 40 {
			t.Errorf("the first was served after %d others", place)
		}
	})
}

func TestTheMostCrowdedMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := newCrowd(t)
		crowd.places = 6
		crowd.comes("a/1", "a/1", "a/1", "a/2", "b/3", "c/4")
		crowd.comes("d/5", "a/6") // a/1 gives its place, and is then still more crowded
		crowd.ends()
		crowd.wantServed("a/1", "b/3", "c/4", "d/5", "a/2", "a/6")
		if n := crowd.refused("a/1"); n != 2 {
			t.Errorf("%d were refused", n)
		}
	})
}

func TestACallerThatIsAsCrowdedAsAllIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := newCrowd(t)
		crowd.comes(scattered(placesPerSlot, "ann")...)
		start := time.Now()
		crowd.comes("a/ann")
		if o := <-crowd.done; o.err != chat.ErrBusy || o.address != "a" {
			t.Errorf("%+v", o)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("it waited %v", waited)
		}
		crowd.wait--
		crowd.ends()
	})
}

func TestPatienceEndsEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 2
		g := newGate(slots, patience)
		for range slots {
			if err := g.enter(t.Context(), caller{}); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		errs := make(chan error)
		for range slots * placesPerSlot {
			go func() { errs <- g.enter(t.Context(), caller{}) }()
		}
		synctest.Wait()
		wantError(t, g.enter(t.Context(), caller{}), chat.ErrBusy)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the one too many waited %v", waited)
		}
		for range slots * placesPerSlot {
			wantError(t, <-errs, chat.ErrBusy)
		}
		if waited := time.Since(start); waited != patience {
			t.Errorf("waited %v, want %v", waited, patience)
		}
		// The queue is empty again and a slot that is left is taken.
		go func() {
			time.Sleep(time.Second)
			g.leave()
		}()
		if err := g.enter(t.Context(), caller{}); err != nil {
			t.Fatalf("a slot became free: %v", err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, patience)
		if err := g.enter(t.Context(), caller{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- g.enter(ctx, caller{}) }()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		deadline, stop := context.WithTimeout(t.Context(), patience/2)
		defer stop()
		if err := g.enter(deadline, caller{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestASlotGivenToAnAbandonedWaitGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, patience)
		if err := g.enter(t.Context(), caller{}); err != nil {
			t.Fatal(err)
		}
		w := g.join(caller{username: "gone"})
		next := g.join(caller{username: "next"})
		g.leave()
		if err := g.abandon(w, context.Canceled); err != context.Canceled {
			t.Error(err)
		}
		select {
		case err := <-next.outcome:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("the slot is lost")
		}
	})
}
