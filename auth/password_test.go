package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

func TestAHashIsOfItsPasswordAlone(t *testing.T) {
	hash, err := HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	long := "correct-horse-that-is-longer-than-the-seventy-two-bytes-at-which-bcrypt-cuts-it-off"
	longHash, err := HashPassword(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password, hash string
		want           bool
	}{
		{password, hash, true}, {password + "!", hash, false}, {"", hash, false},
		{long, longHash, true}, {long + "!", longHash, false}, {password, nobodysHash, false},
	} {
		if got, err := passwords.compare(t.Context(), c.password, c.hash); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.password, got, err)
		}
	}
}

func TestWhatIsNoPasswordIsNotHashed(t *testing.T) {
	for _, p := range []string{"", "short", "with\x00a-nul", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		_, err := HashPassword(t.Context(), p)
		wantError(t, err, chat.ErrInvalid)
	}
}

func TestTheGateLetsFewInAFewMoreWaitAndTheRestGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 2
		g := newGate(slots, patience)
		var leaves []func()
		for range slots {
			leave, err := g.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		start := time.Now()
		var wg sync.WaitGroup
		errs := make([]error, slots*queuePerSlot)
		for i := range errs {
			wg.Go(func() { _, errs[i] = g.enter(t.Context()) })
		}
		synctest.Wait()
		_, err := g.enter(t.Context())
		wantError(t, err, chat.ErrBusy)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the one too many waited %v", waited)
		}
		wg.Wait()
		for _, err := range errs {
			wantError(t, err, chat.ErrBusy)
		}
		if waited := time.Since(start); waited != patience {
			t.Errorf("waited %v, want %v", waited, patience)
		}
		// The queue is empty again and a slot that is left is taken.
		go func() {
			time.Sleep(time.Second)
			leaves[0]()
		}()
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatalf("a slot became free: %v", err)
		}
		leave()
	})
}

func TestWhoeverWaitsAtTheGateLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, patience)
		if _, err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := g.enter(ctx)
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		deadline, stop := context.WithTimeout(t.Context(), patience/2)
		defer stop()
		if _, err := g.enter(deadline); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestASlotIsLeftAfterEveryHash(t *testing.T) {
	g := newGate(1, patience)
	for range 3 {
		hash, err := g.hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := g.compare(t.Context(), password, hash); !ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		if _, err := g.compare(t.Context(), password, "no hash"); err == nil {
			t.Error("a broken hash was compared")
		}
	}
}
