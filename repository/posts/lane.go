package posts

import (
	"context"
	"fmt"
	"slices"

	"parley/chat"
	"parley/repository/commitlog"
)

// Lane is the lane of entries: it implements [commitlog.Steps].
type Lane[C Conn] struct {
	// Publish is told of a commit's events, in order. It must not block.
	Publish func([]chat.Event)
	// Erased is told that a commit has replaced or erased texts. It must not block.
	Erased func()
	cache  cache
	recent recent
	// alone says that no other instance had written since this one when that was last seen.
	// A single message that relies on it and is wrong has waited for the lock in vain.
	alone bool
}

// Limits bound a batch of entries: the lock is to be held for milliseconds.
func Limits() commitlog.Limits[*Entry] {
	return commitlog.Limits[*Entry]{Requests: 512, Bytes: 1 << 20, Size: func(e *Entry) int { return len(e.Text) }}
}

// Begin implements [commitlog.Steps].
func (l *Lane[C]) Begin(ctx context.Context, conn C, tx *commitlog.Tx, batch []*Entry) error {
	recalled := l.recall(batch)
	if conn.Remote() && l.alone && decided(batch) {
		tx.Expect()
		return nil
	}
	found, events, err := conn.BeginWith(ctx, batch, l.cache.at)
	if err != nil {
		return err
	}
	tx.Follow(found)
	if l.alone = tx.Alone; l.alone {
		return nil
	}
	l.recent.forget()
	lacking := forgetFound(batch)
	switch {
	case l.cache.follow(events, found.Pos):
		l.cache.renew(batch)
	case recalled:
		l.cache.recall(batch)
		lacking = true
	}
	if lacking {
		return conn.Load(ctx, batch)
	}
	return nil
}

// recall gives the entries what is remembered of them, and says whether there were permissions.
func (l *Lane[C]) recall(batch []*Entry) (some bool) {
	forgetFound(batch)
	if l.alone {
		l.recent.recall(batch)
	}
	return l.cache.recall(batch)
}

// Joins implements [commitlog.Steps].
func (l *Lane[C]) Joins(e *Entry) bool {
	entry := []*Entry{e}
	return l.recall(entry) && decided(entry)
}

// decided says whether nothing has to be read to decide the entries, as long as what is
// remembered of them holds.
func decided(batch []*Entry) bool {
	return !slices.ContainsFunc(batch, func(e *Entry) bool { return !e.IsCached() || e.AsksKey() || e.IsReply() || e.AsksChanged() })
}

// Run implements [commitlog.Steps].
func (l *Lane[C]) Run(ctx context.Context, conn C, tx *commitlog.Tx, batch *commitlog.Batch[*Entry]) (commitlog.Outcome, error) {
	claimed := batch.All()
	d := newDecision(tx, len(claimed))
	for _, req := range claimed {
		req.Err = d.take(req.Work)
	}
	stored := d.outcome()
	switch {
	case stored == nil && tx.Single:
		// Nothing has asked the database whether what is remembered still holds.
		l.alone = false
		return commitlog.Outdated, nil
	case stored == nil:
		return commitlog.Unchanged, nil
	}
	o, err := conn.Store(ctx, tx, stored)
	switch o {
	case commitlog.Repeated:
		for _, req := range claimed {
			req.Work.suspect = true
		}
	case commitlog.Outdated:
		l.alone = false
	}
	if err != nil {
		err = fmt.Errorf("storing posts: %w", err)
	}
	return o, err
}

// Committed implements [commitlog.Steps].
func (l *Lane[C]) Committed(tx *commitlog.Tx, claimed []*Request) {
	l.cache.keep(claimed, tx.Pos)
	events := make([]chat.Event, 0, len(claimed))
	erased := false
	for _, req := range claimed {
		if req.Err != nil {
			continue
		}
		if e, stored := req.Work.event(); stored {
			if l.alone {
				l.recent.keep(req.Work)
			}
			events = append(events, e)
			erased = erased || e.Kind.ReplacesText()
		}
	}
	l.Publish(events)
	if erased {
		l.Erased()
	}
}

// Failed implements [commitlog.Steps].
func (l *Lane[C]) Failed() {
	l.forget()
	l.alone = false
}

// Changed notes that another lane of the log has committed something by which entries may be
// decided: these events, and what no event tells of, by which no right ends. The goroutine that
// leads calls it.
func (l *Lane[C]) Changed(tx *commitlog.Tx, events []chat.Event) {
	l.recent.forget()
	if !tx.Alone { // what another instance has written since is not among the events
		l.cache.forget()
		return
	}
	told := make([]Event, len(events))
	for i, e := range events {
		told[i] = Event{Kind: e.Kind, Chat: e.Chat, Seq: e.Seq}
	}
	l.cache.follow(told, tx.Pos)
}

// forget forgets all that is remembered.
func (l *Lane[C]) forget() {
	l.cache.forget()
	l.recent.forget()
}
