package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// quietEach is how many quiet chats an account follows on one stream, and
	// quietMessages how many messages have come in each of them.
	quietEach     = 1000
	quietMessages = 60
)

// quietRooms is a busy chat on an instance that has carried messages of many chats that
// are quiet now and still followed. All of those messages, of so many characters, are
// more than it keeps in memory.
func (f *systems) quietRooms(scale scale, accounts, length int) *scenario {
	c := scale.workload(1, 10*scale.fewer, asFastAsPossible)
	c.accounts, c.each = accounts, quietEach/scale.fewer
	messages := quietMessages / scale.fewer
	filling := time.Duration(c.accounts*c.each*messages) * 120 * time.Microsecond
	fill := func(ctx context.Context, r *workloadRun) (stop func() error, err error) {
		q := &quiet{accounts: c.accounts, each: c.each, messages: messages, text: textOf(length)}
		if err := q.follow(ctx, r.instance.child); err != nil {
			return q.close, err
		}
		return q.close, q.fill(ctx)
	}
	turns := 0
	if accounts > 1 {
		turns = 1
	}
	return &scenario{
		turns: turns,
		name: fmt.Sprintf("%d quiet chats with %d messages each, followed, beside a busy chat with %d readers",
			c.accounts*c.each, messages, c.readers),
		entries: entries(f.parley, 2*c.lasts()+filling, c.beside(fill),
			atLeast(0.9, rateKept), atMost(wantedSlowdown, postsTimes), nothingWrong),
	}
}

// quiet is accounts that follow their chats.
type quiet struct {
	accounts, each, messages int

	text     string
	sessions []*session
	streams  []*httpConn
	reading  sync.WaitGroup
	// ended is how many streams have ended; as long as they are followed, none has.
	ended atomic.Int32
}

// follow opens a stream of each account and reads what comes.
func (q *quiet) follow(ctx context.Context, c *child) error {
	for n := range q.accounts {
		s, err := c.session(ctx, account(n+1), max(clients/q.accounts, 1))
		q.sessions = append(q.sessions, s)
		if err != nil {
			return err
		}
		w, err := s.follow(ctx, "/stream", "now")
		if w != nil {
			q.streams = append(q.streams, w)
		}
		if err == nil {
			err = w.conn.SetDeadline(time.Time{})
		}
		if err != nil {
			return err
		}
		q.reading.Go(func() {
			_, _ = io.Copy(io.Discard, w.conn)
			q.ended.Add(1)
		})
	}
	return nil
}

// fill posts to all chats, in turns.
func (q *quiet) fill(ctx context.Context) error {
	posting, ctx := errgroup.WithContext(ctx)
	for n, s := range q.sessions {
		var next atomic.Int64
		for _, w := range s.conns {
			posting.Go(func() error {
				for i := int(next.Add(1)) - 1; i < q.each*q.messages; i = int(next.Add(1)) - 1 {
					if err := errors.Join(ctx.Err(), w.post(chatID(q.chat(n, i)), s.token, q.text)); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return posting.Wait()
}

// chat is the number of the chat that an account's ith message goes to.
func (q *quiet) chat(account, i int) int {
	return seed{chats: 1, each: q.each}.ownChat(account+1, i%q.each+1)
}

// close ends the streams. It fails if one has ended before: its chats were not followed
// any more.
func (q *quiet) close() (err error) {
	if n := q.ended.Load(); n > 0 {
		err = fmt.Errorf("%d streams of quiet chats were ended by the server", n)
	}
	for _, w := range q.streams {
		err = errors.Join(err, w.reset())
	}
	q.reading.Wait()
	for _, s := range q.sessions {
		s.close()
	}
	return err
}
