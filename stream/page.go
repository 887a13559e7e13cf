package stream

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"parley/chat"
)

// Page is a part of what a stream would show, for clients that would rather ask again
// than listen.
type Page struct {
	Events []PageEvent `json:"events"`
	// Cursor is where the next page begins.
	Cursor int64 `json:"cursor"`
}

// PageEvent is one event of a [Page].
type PageEvent struct {
	Event string `json:"event"`
	// ID is the event's position.
	ID   int64          `json:"id"`
	Data jsontext.Value `json:"data"`
}

// pageGrace is how long, beyond the time that its client waits, a page may take to
// come to the head.
const pageGrace = 5 * time.Second

// maxPageEvents bounds a page whose client named no limit, or a greater one.
const maxPageEvents = 500

// Page reads what a stream that begins as s says would show first: up to the head,
// and at most s.Limit events. Where there is nothing yet it waits for the first
// event, at most for wait; an empty page is no error. It ends before its time when
// the actor's rights or its credential do, and short of the head where that takes too
// long or all streams are ended: the next one goes on from its cursor. Nothing is on it
// that was committed behind the credential's end. s is its own from then on.
// Errors are those of [Broker.Serve], and ctx's.
func (b *Broker) Page(ctx context.Context, s *Start, wait time.Duration) (Page, error) {
	woken := make(wakeUps, 1)
	rd, reset, err := b.open(ctx, s, woken)
	if err != nil {
		return Page{}, err
	}
	defer b.dismiss(rd)
	if wait > 0 {
		b.appear(rd)
	}
	began := rd.cursor
	p := Page{Events: []PageEvent{}, Cursor: began}
	if reset != "" {
		p.Events = append(p.Events, PageEvent{resetName, rd.cursor, encode(resetData{reset, rd.cursor})})
		return p, nil
	}
	limit := maxPageEvents
	if s.Limit > 0 {
		limit = int(min(s.Limit, maxPageEvents))
	}
	var found mergeBuffer
	// The credential is not kept as a stream's is: a client whose session was renewed has
	// a new token to ask again with.
	expires := rd.credential.expires
	until := earliest(time.Now().Add(wait), expires)
	late := earliest(until.Add(pageGrace), expires)
	alarm := time.NewTimer(time.Until(until))
	defer alarm.Stop()
	for {
		now := time.Now()
		v := rd.fetch(now, &found)
		// The clock is read behind the look, so that what was found is older than the end.
		if !time.Now().Before(expires) {
			return p, nil
		}
		more := false
		switch {
		case !v.retry.IsZero(), v.reopen:
			return Page{}, chat.ErrUnavailable
		case !v.waits:
			more = rd.fill(&p, v, limit)
			caughtUp := !more && rd.cursor >= rd.opened
			over := len(p.Events) > 0 || v.end != "" || v.draining || !now.Before(until)
			if len(p.Events) == limit || caughtUp && over {
				return p, nil
			}
		}
		switch {
		case v.draining, !now.Before(late):
			if p.Cursor == began {
				return Page{}, chat.ErrUnavailable
			}
			return p, nil
		case more:
			continue
		}
		select {
		case <-woken:
		case <-alarm.C:
			alarm.Reset(time.Until(late))
		case <-ctx.Done():
			return Page{}, ctx.Err()
		}
	}
}

// fill puts what the reader found into the page, and says whether there is more.
func (rd *reader) fill(p *Page, v view, limit int) (more bool) {
	if room := limit - len(p.Events); len(v.frames) > room {
		v.keep(room)
	}
	for _, f := range v.frames {
		name, data := rd.shown(f)
		p.Events = append(p.Events, PageEvent{name, f.event.Pos, data})
	}
	rd.broker.recount(v.frames)
	rd.broker.metrics.deliveries.Add(float64(len(v.frames)))
	more = rd.moveTo(v.upTo, v.turn) || v.more
	p.Cursor = rd.cursor
	return more
}
