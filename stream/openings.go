package stream

import (
	"context"
	"errors"
	"sync"

	"parley/chat"
)

// openings reads the rights of streams that open. All that wait while queries are under
// way are read by the next one together: a crowd that was cut comes back at once, and one
// query each is more than a store over a network answers within seconds. No opening is
// refused for having to wait, until the store fails one of them.
//
// All chats of a user are read by one query at a time, which is of streams over all chats alone:
// an account with a thousand chats that opens many streams has one answer for all that wait
// meanwhile, and streams of one chat do not wait for it.
type openings struct {
	broker *Broker

	mu      sync.Mutex
	waiting []*opening
	// reading is how many queries are under way, and users those whose chats some of them read.
	reading int
	users   map[string]struct{}
}

// opening is one stream's question, and the answer.
type opening struct {
	chat.OpeningRequest
	answer chat.Opening
	// done is called when the answer is there. No mutex is held then.
	done func()
}

const (
	// maxOpeningReads is how many queries are under way at once.
	maxOpeningReads = 4
	// maxOpening is how many openings one of them reads.
	maxOpening = 128
)

func newOpenings(b *Broker) *openings { return &openings{broker: b, users: make(map[string]struct{})} }

// overAll says that the stream is over all chats.
func (o *opening) overAll() bool { return o.Chat == "" }

// read reads what a stream begins with.
func (op *openings) read(ctx context.Context, r chat.OpeningRequest) (chat.Opening, error) {
	done := make(chan struct{})
	o := &opening{OpeningRequest: r, done: func() { close(done) }}
	op.ask(o)
	select {
	case <-done:
		return o.answer, o.answer.Err
	case <-ctx.Done():
		return chat.Opening{}, ctx.Err()
	}
}

// ask has an opening read. It does not block.
func (op *openings) ask(o *opening) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.waiting = append(op.waiting, o)
	if op.reading < maxOpeningReads {
		op.reading++
		op.broker.workDone.Go(op.run)
	}
}

// run reads until nothing waits.
func (op *openings) run() {
	for {
		asked := op.take(maxOpening)
		if asked == nil {
			return
		}
		failed := op.answer(asked)
		op.over(asked)
		if failed {
			// A store that cannot answer would keep the others waiting for as long, one
			// query after another.
			refuse(op.takeAll())
		}
	}
}

// take removes up to n openings that wait and may be read together; nil ends the goroutine's
// reading. Those that wait for a query of the same user are left to the goroutine that runs it.
func (op *openings) take(n int) (taken []*opening) {
	op.mu.Lock()
	defer op.mu.Unlock()
	left := op.waiting[:0]
	for i, o := range op.waiting {
		if len(taken) == n {
			left = append(left, op.waiting[i:]...)
			break
		}
		alike := len(taken) == 0 || o.overAll() == taken[0].overAll()
		if alike && !op.isRead(o) {
			taken = append(taken, o)
		} else {
			left = append(left, o)
		}
	}
	clear(op.waiting[len(left):])
	if op.waiting = left; len(left) == 0 {
		op.waiting = nil
	}
	for _, o := range taken {
		if o.overAll() {
			op.users[o.Actor.Username] = struct{}{}
		}
	}
	if taken == nil {
		op.reading--
	}
	return taken
}

// isRead says whether all chats of the opening's user are being read, and it is one over all of
// them. The mutex is held.
func (op *openings) isRead(o *opening) bool {
	if !o.overAll() {
		return false
	}
	_, read := op.users[o.Actor.Username]
	return read
}

// over notes that openings that were taken have been read.
func (op *openings) over(taken []*opening) {
	op.mu.Lock()
	defer op.mu.Unlock()
	for _, o := range taken {
		if o.overAll() {
			delete(op.users, o.Actor.Username)
		}
	}
}

func (op *openings) takeAll() []*opening {
	op.mu.Lock()
	defer op.mu.Unlock()
	taken := op.waiting
	op.waiting = nil
	return taken
}

// answer reads openings, and says whether the store cannot be asked.
func (op *openings) answer(asked []*opening) (unavailable bool) {
	if op.broker.isDrained() {
		refuse(asked)
		return true
	}
	requests := make([]chat.OpeningRequest, len(asked))
	for i, o := range asked {
		requests[i] = o.OpeningRequest
	}
	answers, err := op.broker.log.Open(op.broker.work, requests)
	switch {
	case err == nil:
		for i, o := range asked {
			o.answer = answers[i]
			o.done()
		}
	case errors.Is(err, chat.ErrUnavailable) || op.broker.work.Err() != nil:
		refuse(asked)
		return true
	case len(asked) == 1:
		asked[0].answer.Err = err
		asked[0].done()
	default:
		// The query failed for what one of them asked.
		for i := range asked {
			if op.answer(asked[i : i+1]) {
				refuse(asked[i+1:])
				return true
			}
		}
	}
	return false
}

// refuse answers openings that the store cannot be asked about.
func refuse(asked []*opening) {
	for _, o := range asked {
		o.answer.Err = chat.ErrUnavailable
		o.done()
	}
}

func (b *Broker) isDrained() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.drained
}
