package stream

import (
	"context"
	"time"
)

// renewals finds out whether sessions were renewed. All that ask while a query
// is under way are answered by the next one together.
type renewals struct {
	log Log
	ask chan renewal
}

// renewal is one reader's question. The answer channel has room for one.
type renewal struct {
	session string
	answer  chan<- renewed
}

// renewed is its answer. A session that is not live is over.
type renewed struct {
	until time.Time
	live  bool
	err   error
}

func newRenewals(log Log) *renewals {
	return &renewals{log: log, ask: make(chan renewal)}
}

func (rs *renewals) run(ctx context.Context) {
	for {
		var asked []renewal
		select {
		case <-ctx.Done():
			return
		case first := <-rs.ask:
			asked = rs.gather([]renewal{first})
		}
		sessions := make([]string, len(asked))
		for i, r := range asked {
			sessions[i] = r.session
		}
		until, err := rs.log.AccessExpiries(ctx, sessions)
		for _, r := range asked {
			t, live := until[r.session]
			r.answer <- renewed{until: t, live: live, err: err}
		}
	}
}

// maxRenewals bounds one query.
const maxRenewals = 1000

// gather takes whoever else is asking now.
func (rs *renewals) gather(asked []renewal) []renewal {
	for len(asked) < maxRenewals {
		select {
		case r := <-rs.ask:
			asked = append(asked, r)
		default:
			return asked
		}
	}
	return asked
}
