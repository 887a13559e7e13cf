package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// replayers are so many clients that read a chat from its beginning.
const replayers = 8

// replays is a long chat that a few people talk in, and clients that read all of it
// from its beginning, again and again.
func (f *systems) replays(scale scale) *scenario {
	c := scale.workload(1, 5*scale.fewer, asFastAsPossible)
	c.messages, c.posters = 4*c.messages, 8
	return &scenario{
		name: fmt.Sprintf("%d streams from the beginning of a chat with %d messages beside its %d readers", replayers, c.messages, c.readers),
		entries: entries(f.parley, 2*c.lasts(), c.beside(replayAll),
			atLeast(0.5, rateKept), atMost(wantedSlowdown, postsTimes), nothingWrong),
	}
}

// replayAll replays the chat to several clients, again and again.
func replayAll(ctx context.Context, r *workloadRun) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	working, ctx := errgroup.WithContext(ctx)
	for range replayers {
		working.Go(func() error {
			for ctx.Err() == nil {
				if err := r.instance.replay(ctx); err != nil && ctx.Err() == nil {
					return fmt.Errorf("replaying: %w", err)
				}
			}
			return nil
		})
	}
	return func() error {
		cancel()
		return working.Wait()
	}, nil
}

// replay reads the first chat from its beginning until it is ready. It takes the bytes
// as they come, for they are many, and the processors are the server's, too.
func (s *instance) replay(ctx context.Context) (err error) {
	w, err := dial(ctx, s.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.reset()) }()
	defer context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Now()) })()
	if _, err := w.conn.Write(get("/chats/"+chatID(1)+"/stream?after=earliest", s.token)); err != nil {
		return err
	}
	ready := []byte("event: ready")
	b, kept := make([]byte, 64<<10), 0
	for {
		n, err := w.conn.Read(b[kept:])
		if err != nil {
			return err
		}
		arrived := b[:kept+n]
		if bytes.Contains(arrived, ready) {
			return nil
		}
		// The word may be cut.
		kept = copy(b, arrived[max(len(arrived)-len(ready), 0):])
	}
}
