package stream

import (
	"context"

	"parley/chat"
)

// logPage is how many events a reader takes from the log at once.
const logPage = 256

// page is a part of the log as one reader sees it.
type page struct {
	events []chat.Event
	// through is how far they reach.
	through int64
	err     error
}

// readLog reads a page behind the cursor, at most up to upTo, as soon as not too
// many others are reading.
func (rd *reader) readLog(ctx context.Context, upTo int64) page {
	b := rd.broker
	b.metrics.behind.Inc()
	defer b.metrics.behind.Dec()
	select {
	case b.catchingUp <- struct{}{}:
		defer func() { <-b.catchingUp }()
	case <-ctx.Done():
		return page{err: ctx.Err()}
	}
	b.metrics.logReads.Inc()
	if rd.start.Chat == "" {
		events, through, err := b.log.MemberAfter(ctx, rd.start.Actor.Username, rd.opened, rd.cursor, upTo, logPage)
		return page{events, through, err}
	}
	events, err := b.log.ChatAfter(ctx, rd.start.Chat, rd.cursor, upTo, logPage)
	if len(events) == logPage {
		upTo = events[logPage-1].Pos
	}
	return page{events, upTo, err}
}

// turn moves the cursor over a page. The frames are valid until the next take.
func (rd *reader) turn(p page) taken {
	frames := rd.gathered[:0]
	rd.broker.mu.Lock()
	defer rd.broker.mu.Unlock()
	for _, e := range p.events {
		f := newFrame(e)
		rd.settle(f)
		if !rd.leavesOut(f) {
			frames = append(frames, f)
		}
	}
	rd.gathered = frames
	rd.cursor = p.through
	return taken{frames: frames, more: true}
}
