package stream

import (
	"context"
	"sync"
	"time"
)

// renewals finds out whether credentials were renewed. All readers that ask while a
// query is under way are answered by the next one together.
type renewals struct {
	broker *Broker
	// woken has room for one: a reader asks.
	woken chan struct{}

	mu     sync.Mutex
	asking []*reader
}

// renewed is the answer to one reader. A session that is not live is over.
type renewed struct {
	until time.Time
	live  bool
	err   error
}

// maxRenewals bounds one query.
const maxRenewals = 1000

func newRenewals(b *Broker) *renewals {
	return &renewals{broker: b, woken: make(chan struct{}, 1)}
}

// ask has the reader told until when its session has access. It does not block.
func (rs *renewals) ask(rd *reader) {
	rs.mu.Lock()
	rs.asking = append(rs.asking, rd)
	rs.mu.Unlock()
	signal(rs.woken)
}

// signal puts a token into a channel that has room for one, unless one is there.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (rs *renewals) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-rs.woken:
		}
		for {
			asking := rs.take()
			if len(asking) == 0 {
				break
			}
			rs.answer(ctx, asking)
		}
	}
}

// take removes the readers that ask, as many as one query may have.
func (rs *renewals) take() []*reader {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	n := min(len(rs.asking), maxRenewals)
	asking := rs.asking[:n:n]
	if rs.asking = rs.asking[n:]; len(rs.asking) == 0 {
		rs.asking = nil
	}
	return asking
}

func (rs *renewals) answer(ctx context.Context, asking []*reader) {
	sessions := make([]string, len(asking))
	for i, rd := range asking {
		sessions[i] = rd.credential.session
	}
	until, err := rs.broker.log.AccessExpiries(ctx, sessions)
	rs.broker.mu.Lock()
	defer rs.broker.mu.Unlock()
	for i, rd := range asking {
		t, live := until[sessions[i]]
		rd.answer = &renewed{until: t, live: live, err: err}
		rd.wakeUp()
	}
}
