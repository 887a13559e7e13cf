package stream

import (
	"context"

	"parley/chat"
)

// logPage is how many events a reader takes from the log at once.
const logPage = 256

// readLog moves the cursor by a page of the log, at most up to upTo.
func (rd *reader) readLog(ctx context.Context, upTo int64) ([]*frame, error) {
	b := rd.broker
	b.metrics.behind.Inc()
	defer b.metrics.behind.Dec()
	select {
	case b.catchingUp <- struct{}{}:
		defer func() { <-b.catchingUp }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.metrics.logReads.Inc()
	events, through, err := rd.page(ctx, upTo)
	if err != nil {
		return nil, err
	}
	frames := rd.gathered[:0]
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		f := newFrame(e)
		rd.settle(f)
		if !rd.leavesOut(f) {
			frames = append(frames, f)
		}
	}
	rd.gathered = frames
	rd.cursor = through
	return frames, nil
}

// page reads the events behind the cursor, and says how far they reach.
func (rd *reader) page(ctx context.Context, upTo int64) (events []chat.Event, through int64, err error) {
	log := rd.broker.log
	if rd.start.Chat == "" {
		return log.MemberAfter(ctx, rd.start.Actor.Username, rd.opened, rd.cursor, upTo, logPage)
	}
	events, err = log.ChatAfter(ctx, rd.start.Chat, rd.cursor, upTo, logPage)
	if len(events) == logPage {
		upTo = events[logPage-1].Pos
	}
	return events, upTo, err
}
