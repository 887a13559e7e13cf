package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// signals are the sections about what is shown on streams and not stored.
func signals(f *systems, scale scale) (sections []section) {
	for _, s := range []*scenario{f.typing(scale), f.presence(scale)} {
		s.part = "Signals"
		sections = append(sections, s.section(scale.turnsStreams, ""))
	}
	return sections
}

const (
	// typists are so many people, each of whom types every typingPause, over
	// typingConns connections.
	typists     = 1000
	typingPause = 3 * time.Second
	typingConns = 50
	// typingLasts bounds how long they do, and typingCounted is for how long at least frames
	// are counted: there is less than one a second of them.
	typingLasts   = 2 * time.Minute
	typingCounted = 3 * time.Second
	// framesASecond is what a reader is promised at most of each kind.
	framesASecond = 1
)

// typing is a chat that is talked in as fast as can be, and whose members type.
func (f *systems) typing(scale scale) *scenario {
	c := scale.workload(1, 100, asFastAsPossible)
	c.people = typists
	measure := func(ctx context.Context, on system) (figures, latencies, error) {
		t := &typing{people: c.people}
		f, l, err := c.beside(t.begin)(ctx, on)
		f[typingFrames], f[heavyRate], f[heavyRefused] = mostASecond(t.heard), t.rate, float64(t.refused.Load())
		return f, l, err
	}
	return &scenario{
		name: fmt.Sprintf("%d people who type in a busy chat with %d readers", c.people, c.readers),
		entries: entries(f.parley, 2*c.lasts()+typingCounted+scale.seeding, measure,
			atLeast(0.9, rateKept), atMost(wantedSlowdown, postsTimes), atMost(framesASecond, typingFrames), nothingWrong),
	}
}

// typing is people who type, and a reader that counts the frames.
type typing struct {
	people int

	typed, refused atomic.Int64
	// rate is how often they typed a second, and heard are the times of the frames.
	rate  float64
	heard []time.Time
}

// begin lets all people type until it is stopped.
func (t *typing) begin(ctx context.Context, r *workloadRun) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var l *listener
	var conns []*httpConn
	var typing errgroup.Group
	began := time.Now()
	stop = func() error {
		if l != nil {
			_ = wait(ctx, time.Until(began.Add(typingCounted)))
			t.heard = l.since(began)
		}
		t.rate = float64(t.typed.Load()) / time.Since(began).Seconds()
		cancel()
		err := typing.Wait()
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		hangUp(conns)
		return errors.Join(err, l.close())
	}
	tokens, err := tokensOf(t.people)
	if err != nil {
		return stop, err
	}
	if l, err = listen(ctx, r.instance.address, tokens[0], "/chats/"+chatID(1)+"/stream", "typing"); err != nil {
		return stop, err
	}
	if conns, err = dialAll(ctx, r.instance.address, typingConns); err != nil {
		return stop, err
	}
	people := load{clients: typingConns, rate: float64(t.people) / typingPause.Seconds(), time: typingLasts}
	typing.Go(func() error {
		_, err := people.run(ctx, t.by(tokens, conns))
		return err
	})
	return stop, l.awaitFirst(ctx)
}

// by lets one of the people after the other type, over the connections.
func (t *typing) by(tokens []string, conns []*httpConn) operation {
	requests := make([][]byte, len(tokens))
	for i, token := range tokens {
		requests[i] = change("POST", "/chats/"+chatID(1)+"/typing", "{}", token)
	}
	return func(_ context.Context, client, n int) error {
		_, err := conns[client].ask(requests[(n*len(conns)+client)%len(requests)], http.StatusNoContent)
		switch {
		case err == nil:
			t.typed.Add(1)
		case errors.Is(err, errRefused):
			t.refused.Add(1)
		}
		return err
	}
}
