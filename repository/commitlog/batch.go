package commitlog

import "time"

// lockBudget is how long after the lock was had a batch may begin another request.
const lockBudget = 10 * time.Millisecond

// Batch is what one transaction is for. Requests are run only after they are claimed.
type Batch[R any] struct {
	requests []*Request[R]
	looked   int           // how many were claimed, or found to be given up
	claimed  []*Request[R] // in order
	until    time.Time     // when Next ends
}

// All claims every request that still waits.
func (b *Batch[R]) All() []*Request[R] {
	for b.looked < len(b.requests) {
		b.claim()
	}
	return b.claimed
}

// Next claims the next request that still waits. It ends with the batch, or when the
// lock's budget is used up; the first request is always one.
func (b *Batch[R]) Next() (*Request[R], bool) {
	for b.looked < len(b.requests) {
		if len(b.claimed) > 0 && time.Now().After(b.until) {
			break
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
