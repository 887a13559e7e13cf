package repository

import (
	"context"
	"log/slog"
	"time"
)

// backgroundRetry is how long a background job rests when the database has failed it.
const backgroundRetry = 5 * time.Second

// backgroundJob does in a goroutine of its own what changes leave over, so that their
// callers do not wait for it.
type backgroundJob struct {
	doing string // what it is, for the log
	// do returns when nothing is left to do.
	do    func(ctx context.Context) error
	log   *slog.Logger
	woken chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// newBackgroundJob makes a background job that begins, once it is started, with what
// was left over before.
func newBackgroundJob(doing string, log *slog.Logger, do func(ctx context.Context) error) *backgroundJob {
	j := &backgroundJob{doing: doing, do: do, log: log, woken: make(chan struct{}, 1), done: make(chan struct{})}
	j.wake()
	return j
}

// start does nothing where there is no job.
func (j *backgroundJob) start() {
	if j == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	j.stop = stop
	go j.run(ctx)
}

// wake tells the job that there is something to do. It does not block.
func (j *backgroundJob) wake() {
	select {
	case j.woken <- struct{}{}:
	default:
	}
}

// close stops the job and waits for it.
func (j *backgroundJob) close() {
	if j == nil {
		return
	}
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
