package commitlog

import "sync"

// maxWaiting bounds a queue. At a tenth of the usual speed it would take longer than
// WaitFor to get through, so that what came behind it would wait in vain.
const maxWaiting = 8192

// Limits bound what one transaction takes from its lane, and what one party takes from others.
type Limits[R any] struct {
	Requests int
	// Bytes bounds the sum of Size, if there is one, so that a batch of the longest texts
	// does not hold the lock ten times as long as others.
	Bytes int
	Size  func(R) int
	// Party says, if there is one, for whose sake a request is. A party has at most a quarter of
	// the places in the queue and, while others wait, of those in a batch.
	Party func(R) string
}

// queue holds the requests of a lane that wait. Its methods may be called by many
// goroutines at once.
type queue[R any] struct {
	limits Limits[R]

	mu       sync.Mutex
	requests []*Request[R] // those of a party are in order
	parties  map[string]int
	closed   bool
}

func newQueue[R any](limits Limits[R]) *queue[R] {
	return &queue[R]{limits: limits, parties: make(map[string]int)}
}

// add queues a request. ErrBusy where too many wait, ErrUnavailable once the queue is closed.
func (q *queue[R]) add(req *Request[R]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrUnavailable
	case len(q.requests) >= maxWaiting, q.limits.Party != nil && q.parties[q.party(req)] >= maxWaiting/4:
		return ErrBusy
	}
	q.count(req, 1)
	q.requests = append(q.requests, req)
	return nil
}

// addFirst puts requests back to the front.
func (q *queue[R]) addFirst(requests []*Request[R]) {
	if len(requests) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, req := range requests {
		q.count(req, 1)
	}
	q.requests = append(requests, q.requests...)
}

func (q *queue[R]) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.requests)
}

// take removes what fits into a batch beside the requests that it has already, and returns
// both, without those that were given up.
func (q *queue[R]) take(batch []*Request[R]) []*Request[R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.limits.Party != nil {
		// A transaction may have time for the first ones alone, so each party's next request
		// comes before the further ones of any.
		for _, most := range []int{1, q.limits.Requests / 4} {
			batch = q.fill(batch, q.upTo(most, batch))
		}
	}
	return q.fill(batch, func(*Request[R]) bool { return true })
}

// upTo wants so many requests of each party, with those of the batch.
func (q *queue[R]) upTo(most int, batch []*Request[R]) (wanted func(*Request[R]) bool) {
	has := make(map[string]int)
	for _, req := range batch {
		has[q.party(req)]++
	}
	return func(req *Request[R]) bool {
		party := q.party(req)
		has[party]++
		return has[party] <= most
	}
}

// fill removes what fits into the batch beside what it has, as far as it is wanted. The mutex
// is held.
func (q *queue[R]) fill(batch []*Request[R], wanted func(*Request[R]) bool) []*Request[R] {
	if len(batch) > 0 && batch[0].alone {
		return batch
	}
	var left []*Request[R]
	bytes, n := q.size(batch), 0
	for ; n < len(q.requests) && len(batch) < q.limits.Requests && bytes <= q.limits.Bytes; n++ {
		req := q.requests[n]
		switch {
		case req.isGone():
			q.count(req, -1)
			continue
		case !wanted(req):
			left = append(left, req)
			continue
		}
		if req.alone && len(batch) > 0 {
			break
		}
		q.count(req, -1)
		batch = append(batch, req)
		if req.alone {
			n++
			break
		}
		bytes += q.size(batch[len(batch)-1:])
	}
	switch rest := q.requests[n:]; {
	case left != nil:
		q.requests = append(left, rest...)
	case len(rest) == 0:
		q.requests = nil
	default:
		q.requests = rest
	}
	return batch
}

// takeAll empties the queue.
func (q *queue[R]) takeAll() []*Request[R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.requests
	q.requests = nil
	clear(q.parties)
	return all
}

// close lets nothing more be added but what was there before.
func (q *queue[R]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
}

func (q *queue[R]) party(req *Request[R]) string { return q.limits.Party(req.Work) }

// count counts a request of the queue. The mutex is held.
func (q *queue[R]) count(req *Request[R], n int) {
	if q.limits.Party == nil {
		return
	}
	party := q.party(req)
	if q.parties[party] += n; q.parties[party] == 0 {
		delete(q.parties, party)
	}
}

// size is how much of Limits.Bytes requests take up.
func (q *queue[R]) size(requests []*Request[R]) (bytes int) {
	if q.limits.Size == nil {
		return 0
	}
	for _, req := range requests {
		bytes += q.limits.Size(req.Work)
	}
	return bytes
}
