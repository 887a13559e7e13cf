package commitlog

import "time"

// lockBudget is how long after the lock was had another request may end that a batch begins,
// if it takes as long as those before it. It leaves room for the commit: with a database that
// is 3 ms away two messages behind the lock, one that asks and one that commits, are all that
// others should have to wait for.
const lockBudget = 5 * time.Millisecond

// Batch is what one transaction is for. Requests are run only after they are claimed.
type Batch[R any] struct {
	requests []*Request[R]
	looked   int           // how many were claimed, or found to be given up
	claimed  []*Request[R] // in order
	locked   time.Time     // when the lock was had
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
	for b.looked < len(b.requests) {
		if n := time.Duration(len(b.claimed)); n > 0 {
			if passed := time.Since(b.locked); passed+passed/n > lockBudget {
				break
			}
		}
		if b.claim() {
			return b.claimed[len(b.claimed)-1], true
		}
	}
	return nil, false
}

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
