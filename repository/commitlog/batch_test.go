package commitlog

import (
	"testing"
	"time"
)

// A database at this distance leaves time for one message behind the lock.
func TestABatchEndsWithARequestThatIsDecidedAheadWhereAnotherWouldTakeLong(t *testing.T) {
	t.Parallel()
	for pace, want := range map[time.Duration]int{0: 3, lockBudget: 1} {
		b := &Batch[int]{locked: time.Now(), pace: pace}
		if pace == 0 { // however slow the machine is
			b.locked = b.locked.Add(time.Hour)
		}
		for i := range 3 {
			b.requests = append(b.requests, newRequest(i))
		}
		claimed := 0
		for _, ok := b.Next(); ok; _, ok = b.Next() {
			claimed++
			b.Ahead()
		}
		if claimed != want {
			t.Errorf("with %v for each, %d requests were claimed, want %d", pace, claimed, want)
		}
	}
}

func TestThePaceOfRequestsIsMeasuredAndForgotten(t *testing.T) {
	t.Parallel()
	const slow = time.Hour
	b := &Batch[int]{requests: []*Request[int]{newRequest(1), newRequest(2)}, locked: time.Now().Add(-slow)}
	b.Next()
	if _, ok := b.Next(); ok || b.pace < lockBudget {
		t.Errorf("behind one that took %v the pace is %v, and another is claimed: %v", slow, b.pace, ok)
	}
	if pace := paceBehind(b, 0); pace > lockBudget/2 {
		t.Errorf("behind one slow request the pace is %v", pace)
	}
	ahead := &Batch[int]{requests: []*Request[int]{newRequest(1)}, locked: time.Now()}
	ahead.Next()
	ahead.Ahead()
	for pace, n := lockBudget, 0; pace > lockBudget/2; n++ {
		if n == 100 {
			t.Fatalf("the pace is still %v", pace)
		}
		pace = paceBehind(ahead, pace)
	}
}
