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
// refused for having to wait, until the store cannot be asked.
//
// Openings over all chats are read by queries of their own, of a few accounts each: an account
// may be in a thousand chats, which are a row each. One of the queries at once is left to
// openings of one chat, so that these do not wait for them. All chats of a user are read by one
// query at a time: a user that opens many streams has one answer for all that wait meanwhile. A
// query over all chats may fail for its size; it refuses its own openings alone.
type openings struct {
	broker *Broker

	mu sync.Mutex
	// one are the openings of one chat each that wait, all those over all chats; accounts are
	// theirs, in order.
	one      []*opening
	all      map[account][]*opening
	accounts []account
	// reading is how many queries are under way, readingAll how many of them are over all chats,
	// and users those whose chats they read.
	reading, readingAll int
	users               map[string]struct{}
}

// account is whose chats an opening over all of them follows, by which session.
type account struct{ user, session string }

// opening is one stream's question, and the answer.
type opening struct {
	chat.OpeningRequest
	answer chat.Opening
	// done is called when the answer is there. No mutex is held then.
	done func()
}

const (
	// maxOpeningReads is how many queries are under way at once, maxOverAllReads how many of
	// them are over all chats.
	maxOpeningReads = 4
	maxOverAllReads = 3
	// maxOpening is how many openings of one chat a query reads, maxAccounts of how many
	// accounts one over all chats does.
	maxOpening  = 128
	maxAccounts = 8
)

func newOpenings(b *Broker) *openings {
	return &openings{broker: b, all: make(map[account][]*opening), users: make(map[string]struct{})}
}

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
	if o.overAll() {
		a := account{o.Actor.Username, o.Actor.Session}
		if op.all[a] == nil {
			op.accounts = append(op.accounts, a)
		}
		op.all[a] = append(op.all[a], o)
	} else {
		op.one = append(op.one, o)
	}
	if op.reading < maxOpeningReads {
		op.reading++
		op.broker.workDone.Go(op.run)
	}
}

// run reads until nothing waits.
func (op *openings) run() {
	for {
		asked := op.take()
		if asked == nil {
			return
		}
		failed := op.answer(asked)
		if asked[0].overAll() {
			failed = failed && op.isDown()
			op.over(asked)
		}
		if failed {
			// A store that cannot answer would keep the others waiting for as long, one
			// query after another.
			refuse(op.takeEach())
		}
	}
}

// take removes the openings that the next query reads; nil ends the goroutine's reading. Those
// over all chats come first, as they leave a query to the others. Those of them that have to
// wait are taken by the goroutines whose queries they wait for.
func (op *openings) take() []*opening {
	op.mu.Lock()
	defer op.mu.Unlock()
	taken := op.takeOverAll()
	if taken == nil {
		taken = op.takeOne()
	}
	if taken == nil {
		op.reading--
	}
	return taken
}

// takeOne removes openings of one chat each. The mutex is held.
func (op *openings) takeOne() (taken []*opening) {
	n := min(len(op.one), maxOpening)
	taken = op.one[:n:n]
	if op.one = op.one[n:]; len(op.one) == 0 {
		op.one = nil
	}
	return taken
}

// takeOverAll removes the openings of the first accounts whose users' chats are not being read.
// The mutex is held.
func (op *openings) takeOverAll() (taken []*opening) {
	if op.readingAll == maxOverAllReads {
		return nil
	}
	left, accounts := op.accounts[:0], 0
	for i, a := range op.accounts {
		if accounts == maxAccounts {
			left = append(left, op.accounts[i:]...)
			break
		}
		if _, read := op.users[a.user]; read {
			left = append(left, a)
			continue
		}
		accounts++
		taken = append(taken, op.all[a]...)
		delete(op.all, a)
	}
	clear(op.accounts[len(left):])
	if op.accounts = left; len(left) == 0 {
		op.accounts = nil
	}
	if taken != nil {
		op.readingAll++
	}
	for _, o := range taken {
		op.users[o.Actor.Username] = struct{}{}
	}
	return taken
}

// over notes that openings over all chats have been read.
func (op *openings) over(taken []*opening) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.readingAll--
	for _, o := range taken {
		delete(op.users, o.Actor.Username)
	}
}

// takeEach removes all openings that wait.
func (op *openings) takeEach() []*opening {
	op.mu.Lock()
	defer op.mu.Unlock()
	taken := op.one
	for _, a := range op.accounts {
		taken = append(taken, op.all[a]...)
	}
	op.one, op.accounts = nil, nil
	clear(op.all)
	return taken
}

// isDown says whether the store cannot be asked for the head of the log alone either.
func (op *openings) isDown() bool {
	_, _, err := op.broker.log.After(op.broker.work, chat.MaxPosition, 1)
	return err != nil
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
