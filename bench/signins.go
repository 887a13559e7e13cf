package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// signingIn are so many clients that sign in at once, each again as soon as it is answered.
	signingIn = 1000
	// signInAccounts are the users as whom they do.
	signInAccounts = 100
	// signInAgainAfter is what the server tells those to wait whom it refuses. As clients should,
	// they come again by up to a half earlier or later.
	signInAgainAfter = 2 * time.Second
)

// signIns is a chat that is talked in at an even pace, and a crowd at the door.
func (f *systems) signIns(scale scale) *scenario {
	c := scale.workload(1, 10*scale.fewer, pace{rate: 100})
	c.accounts, c.each = signInAccounts, 1
	clients := signingIn / scale.fewer
	crowd := func(ctx context.Context, r *workloadRun) (stop func() error, err error) {
		return r.instance.signInAgain(ctx, clients)
	}
	return &scenario{
		name: fmt.Sprintf("%d sign-ins queued at once beside a chat with 100 messages a second and %d readers", clients, c.readers),
		entries: entries(f.parley, 2*c.lasts(), c.beside(crowd),
			atLeast(0.9, rateKept), atMost(wantedSlowdown, postsTimes), nothingWrong),
	}
}

// signInAgain signs in by so many clients at once until it is stopped. Those that would wait
// for too long are refused, and come again when they have been told to.
func (s *instance) signInAgain(ctx context.Context, clients int) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	conns, err := dialAll(ctx, s.address, clients)
	signing, ctx := errgroup.WithContext(ctx)
	stop = func() error {
		cancel()
		hangUp(conns)
		return signing.Wait()
	}
	if err != nil {
		return stop, err
	}
	for n, w := range conns {
		body := fmt.Sprintf(`{"username":%q,"password":%q}`, account(n%signInAccounts+1), password)
		request := fmt.Appendf(nil, "POST /login HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		signing.Go(func() error {
			for ctx.Err() == nil {
				_, err := w.ask(request, http.StatusOK)
				switch {
				case errors.Is(err, errRefused):
					select {
					case <-time.After(signInAgainAfter/2 + rand.N(signInAgainAfter)):
					case <-ctx.Done():
					}
				case err != nil && ctx.Err() == nil:
					return fmt.Errorf("signing in: %w", err)
				}
			}
			return nil
		})
	}
	return stop, nil
}
