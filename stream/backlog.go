package stream

import (
	"sync/atomic"
	"time"
)

// An instance whose processors are all busy commits posts faster than it delivers them: many
// goroutines take posts, and a few event loops deliver. Whatever is committed and has yet to be
// written is how late every reader is. So the next batch of posts waits until the event loops
// have little left to do. It is larger then, and costs less for each post.

const (
	// littleLeft is how many readers may stand in the queue of each event loop without a batch
	// waiting. To write to one takes some 10 µs, so that is some 5 ms of work.
	littleLeft = 512
	// maxAwait is how long a batch waits at the most: where a single message takes the event
	// loops longer, because very many follow its chat, posts to other chats are not to wait for it.
	maxAwait = 5 * time.Millisecond
)

// backlog counts the readers that event loops have been told to step and have yet to.
type backlog struct {
	readers atomic.Int64
	// little is how many may be left without a batch waiting. fell holds a token when the readers
	// have come down to that.
	little int64
	fell   chan struct{}
}

func newBacklog(loops int) *backlog {
	return &backlog{little: int64(loops) * littleLeft, fell: make(chan struct{}, 1)}
}

func (b *backlog) add(readers int) { b.readers.Add(int64(readers)) }

// stepped notes that one of the readers was stepped.
func (b *backlog) stepped() {
	if b.readers.Add(-1) == b.little {
		signal(b.fell)
	}
}

// isLarge says whether a batch is to wait.
func (b *backlog) isLarge() bool { return b.readers.Load() > b.little }

// await waits until little is left, and for maxAwait at the most. One goroutine at a time may call
// it.
func (b *backlog) await() {
	timer := time.NewTimer(maxAwait)
	defer timer.Stop()
	for b.isLarge() {
		select {
		case <-b.fell: // which may have been long ago
		case <-timer.C:
			return
		}
	}
}

// AwaitReaders waits, before a batch of posts is committed, while this instance is behind with
// delivering those before it: not at all as a rule, and for 5 ms at the most. One goroutine at a
// time may call it.
func (b *Broker) AwaitReaders() {
	if !b.backlog.isLarge() {
		return
	}
	began := time.Now()
	b.backlog.await()
	b.metrics.awaited.Observe(time.Since(began).Seconds())
}
