package commitlog

import "time"

// lockBudget is how long after the lock was had a batch may end that takes one more request,
// if that and the commit each take as long as a request before it. With a database that is
// 3 ms away there is time for one message behind the lock: the commit, or else one that
// asks and then the commit.
const lockBudget = 5 * time.Millisecond

// Batch is what one transaction is for. Requests are run only after they are claimed.
type Batch[R any] struct {
	requests []*Request[R]
	looked   int           // how many were claimed, or found to be given up
	claimed  []*Request[R] // in order
	locked   time.Time     // when the lock was had
	ahead    int           // how many of claimed are decided by what came with the lock
	pace     time.Duration // how long each of the others took, or took in batches before it
}

// All claims every request that still waits.
func (b *Batch[R]) All() []*Request[R] {
	for b.looked < len(b.requests) {
		b.claim()
	}
	return b.claimed
}

// Next claims the next request that still waits. It ends with the batch, or when one more
// would not fit into the lock's budget; the first request is always one.
func (b *Batch[R]) Next() (*Request[R], bool) {
	passed := time.Since(b.locked)
	if n := time.Duration(b.measured()); n > 0 {
		b.pace = min(passed/n, lockBudget)
	}
	for b.looked < len(b.requests) {
		if len(b.claimed) > 0 && passed+2*b.pace > lockBudget {
			break
		}
		if b.claim() {
			return b.claimed[len(b.claimed)-1], true
		}
	}
	return nil, false
}

// measured is how many of the claimed requests took time behind the lock.
func (b *Batch[R]) measured() int { return len(b.claimed) - b.ahead }

// Ahead says that what the claimed requests are decided by came with the lock.
func (b *Batch[R]) Ahead() { b.ahead = len(b.claimed) }

func (b *Batch[R]) claim() bool {
	req := b.requests[b.looked]
	b.looked++
	if !req.claim() {
		return false
	}
	b.claimed = append(b.claimed, req)
	return true
}

// rest are the requests that Next did not reach.
func (b *Batch[R]) rest() []*Request[R] { return b.requests[b.looked:] }

func (b *Batch[R]) works() []R {
	works := make([]R, len(b.requests))
	for i, req := range b.requests {
		works[i] = req.Work
	}
	return works
}

func (b *Batch[R]) answer(err error) {
	for _, req := range b.claimed {
		req.answer(err)
	}
}

// answerEach answers each request with its own refusal, or with none.
func (b *Batch[R]) answerEach() {
	for _, req := range b.claimed {
		req.answer(req.Err)
	}
}
