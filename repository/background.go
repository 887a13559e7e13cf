package repository

import (
	"context"
	"log/slog"
	"time"
)

// backgroundRetry is after how long a background job is tried again that the database failed.
const backgroundRetry = 5 * time.Second

// background job is work that changes leave over, done in a goroutine of its own: whoever made
// them does not wait for it.
type backgroundJob struct {
	doing string // what it is, for the log
	// do returns when nothing is left to do.
	do    func(ctx context.Context) error
	log   *slog.Logger
	woken chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// newBackgroundJob makes a background job that begins, once it is started, with
// left over.
func newBackgroundJob(doing string, log *slog.Logger, do func(ctx context.Context) error) *backgroundJob {
	j := &backgroundJob{doing: doing, do: do, log: log, woken: make(chan struct{}, 1), done: make(chan struct{})}
	j.wake()
	return j
}

func (j *backgroundJob) start() {
	ctx, stop := context.WithCancel(context.Background())
	j.stop = stop
	go j.run(ctx)
}

// wake tells the background job that there is something to do. It does not block.
func (j *backgroundJob) wake() {
	select {
	case j.woken <- struct{}{}:
	default:
	}
}

// close stops the background job and waits for it.
func (j *backgroundJob) close() {
	j.stop()
	<-j.done
}

func (j *backgroundJob) run(ctx context.Context) {
	defer close(j.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.woken:
		}
		err := j.do(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		j.log.Warn(j.doing, "again in", backgroundRetry, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(backgroundRetry):
			j.wake()
		}
	}
}
