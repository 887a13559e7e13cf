package repository

import (
	"context"
	"log/slog"
	"time"
)

// choreAgain is after how long a chore is tried again that the database failed.
const choreAgain = 5 * time.Second

// chore is work that changes leave over, done in a goroutine of its own: whoever made
// them does not wait for it.
type chore struct {
	doing string // what it is, for the log
	// do returns when nothing is left to do.
	do    func(ctx context.Context) error
	log   *slog.Logger
	woken chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// newChore makes a chore that begins, once it is started, with what an earlier process
// left over.
func newChore(doing string, log *slog.Logger, do func(ctx context.Context) error) *chore {
	c := &chore{doing: doing, do: do, log: log, woken: make(chan struct{}, 1), done: make(chan struct{})}
	c.wake()
	return c
}

func (c *chore) start() {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.run(ctx)
}

// wake tells the chore that there is something to do. It does not block.
func (c *chore) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// close stops the chore and waits for it.
func (c *chore) close() {
	c.stop()
	<-c.done
}

func (c *chore) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.woken:
		}
		err := c.do(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		c.log.Warn(c.doing, "again in", choreAgain, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(choreAgain):
			c.wake()
		}
	}
}
