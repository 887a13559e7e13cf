package rates

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func signIns() *SignIns { return signInsAmong(new(Share)) }

func signInsAmong(share *Share) *SignIns {
	return NewPolicies(Settings{Posts: 50, Streams: 20, SignIns: 10, SignUps: 60, StreamsOfUser: 1000, StreamsOfAddress: 4096}, share).SignIns
}

// try is how long an attempt has to wait; 0 if it may be made, and then it ends so.
func (s *SignIns) try(t *testing.T, account, address, session string, o Outcome) time.Duration {
	t.Helper()
	a, err := s.Begin(make(http.Header), account, address, session)
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.standing.next <= 0 {
			t.Fatalf("%v", err)
		}
		return refusal.standing.next
	}
	a.End(o)
	return 0
}

func TestWrongPasswordsOfOneAccountFromOneAddressWaitEverLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		for range freeFailures {
			if wait := s.try(t, "ann", "203.0.113.7", "", Wrong); wait != 0 {
				t.Fatalf("waits %v", wait)
			}
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			want *= time.Second
			if wait := s.try(t, "ann", "203.0.113.7", "", Wrong); wait != want {
				t.Fatalf("waits %v and not %v", wait, want)
			}
			time.Sleep(want)
			if wait := s.try(t, "ann", "203.0.113.7", "", Wrong); wait != 0 {
				t.Fatalf("waits %v behind its wait", wait)
			}
		}
		// The right password is not looked at any earlier, and is the end of it.
		if wait := s.try(t, "ann", "203.0.113.7", "", Right); wait != longestDelay {
			t.Errorf("waits %v", wait)
		}
		time.Sleep(longestDelay)
		for range freeFailures + 1 {
			if wait := s.try(t, "ann", "203.0.113.7", "", Right); wait != 0 {
				t.Fatalf("waits %v", wait)
			}
		}
	})
}

func TestWrongPasswordsAreForgottenAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		for s.try(t, "ann", "203.0.113.7", "", Wrong) == 0 {
		}
		time.Sleep(failuresLast)
		for range freeFailures {
			if wait := s.try(t, "ann", "203.0.113.7", "", Wrong); wait != 0 {
				t.Errorf("waits %v", wait)
			}
		}
	})
}

func TestGuessesFromElsewhereKeepNoUserOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		s.try(t, "ann", "198.51.100.9", "", Right)
		// Of all strangers the account takes so many guesses; none of them has to wait for long
		// by itself.
		guesses := 0
		for address := range 1000 {
			for range 5 {
				if s.try(t, "ann", fmt.Sprint("2001:db8:", address, "::/64"), "", Wrong) == 0 {
					guesses++
				}
			}
		}
		if guesses != 300 {
			t.Errorf("%d guesses", guesses)
		}
		if wait := s.try(t, "ann", "198.51.100.9", "", Right); wait != 0 {
			t.Errorf("ann waits %v where she has signed in", wait)
		}
		if wait := s.try(t, "ann", "198.51.100.10", "session-of-ann", Right); wait != 0 {
			t.Errorf("ann's session waits %v elsewhere", wait)
		}
		if wait := s.try(t, "ann", "198.51.100.10", "", Right); wait != 0 {
			t.Errorf("ann waits %v where her session was", wait)
		}
		if wait := s.try(t, "bob", "198.51.100.11", "", Right); wait != 0 {
			t.Errorf("bob waits %v", wait)
		}
		// From a new address she waits for the account's next place, not until the strangers end.
		if wait := s.try(t, "ann", "198.51.100.12", "", Right); wait == 0 || wait > 30*time.Second {
			t.Errorf("ann waits %v at a new address", wait)
		}
	})
}

func TestGuessesFromTheSameAddressKeepNoUserOutForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		// One account after the other until the address has no more.
		for account := range 1000 {
			s.try(t, fmt.Sprint("user", account), "203.0.113.7", "", Wrong)
		}
		if s.try(t, "carl", "203.0.113.7", "", Wrong) == 0 {
			t.Error("an address has no limit")
		}
		s.try(t, "ann", "203.0.113.7", "session-of-ann", Right)
		for range 100 {
			time.Sleep(s.try(t, "ann", "203.0.113.7", "", Wrong))
		}
		if wait := s.try(t, "ann", "203.0.113.7", "", Right); wait > longestKnown {
			t.Errorf("ann waits %v", wait)
		}
		if wait := s.try(t, "ann", "203.0.113.7", "session-of-ann", Right); wait != 0 {
			t.Errorf("ann's session waits %v", wait)
		}
		for range freeFailures {
			s.try(t, "ann", "203.0.113.7", "session-of-ann", Wrong)
		}
		if s.try(t, "ann", "203.0.113.7", "session-of-ann", Wrong) == 0 {
			t.Error("a session guesses without end")
		}
	})
}

func TestGuessesAtOnceAreNoCheaper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		var begun []*Attempt
		for range 100 {
			if a, err := s.Begin(make(http.Header), "ann", "203.0.113.7", ""); err == nil {
				begun = append(begun, a)
			}
		}
		if len(begun) != freeFailures {
			t.Errorf("%d guesses at once", len(begun))
		}
		// What nobody looked at was no guess.
		for _, a := range begun {
			a.End(Undecided)
		}
		for range freeFailures {
			if wait := s.try(t, "ann", "203.0.113.7", "", Wrong); wait != 0 {
				t.Errorf("waits %v", wait)
			}
		}
		time.Sleep(time.Second)
		for range 3 {
			if wait := s.try(t, "ann", "203.0.113.7", "", Undecided); wait != 0 {
				t.Errorf("waits %v behind what was not looked at", wait)
			}
		}
	})
}

func TestSeveralInstancesTogetherTakeTwiceTheGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, instances := range []int{1, 2, 4, 10} {
			free := 0
			for range instances {
				share := new(Share)
				share.Among(instances)
				s := signInsAmong(share)
				for s.try(t, "ann", "203.0.113.7", "", Wrong) == 0 {
					free++
				}
			}
			if free < freeFailures || free > 2*freeFailures {
				t.Errorf("%d guesses at %d instances", free, instances)
			}
		}
	})
}

func TestWhatIsNoUsernameIsOneAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		guesses := 0
		for i := range 1000 {
			if s.try(t, fmt.Sprint("No Such User ", i), "", "", Wrong) == 0 {
				guesses++
			}
		}
		if guesses != 300 {
			t.Errorf("%d guesses", guesses)
		}
	})
}

func TestAnAttemptTellsWhereItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIns()
		header := make(http.Header)
		a, err := s.Begin(header, "ann", "203.0.113.7", "")
		if err != nil {
			t.Fatal(err)
		}
		a.End(Wrong)
		wantField(t, header, "RateLimit-Policy", `"sign-ins";q=10;w=3600`)
		wantField(t, header, "RateLimit", `"sign-ins";r=9;t=3600`)
		for s.try(t, "ann", "203.0.113.7", "", Wrong) == 0 {
		}
		_, err = s.Begin(header, "ann", "203.0.113.7", "")
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		refusal.Describe(header)
		wantField(t, header, "RateLimit", `"sign-ins";r=0;t=1`)
	})
}
