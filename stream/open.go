package stream

import (
	"context"
	"runtime"
	"slices"
	"time"

	"parley/chat"
)

// open authorises a stream and gives it a reader, and says why the client's
// place is gone, if it is. The reader is known to the broker, and subscribed to its
// first room, before its rights are read, so that no row behind the head it opens at
// can pass it by.
func (b *Broker) open(ctx context.Context, s *Start, d driver) (rd *reader, reset string, err error) {
	rd = newReader(b, s, d)
	if err := b.admit(rd); err != nil {
		return nil, "", err
	}
	known := rd
	defer func() {
		if known != nil { // an error or a panic
			b.dismiss(known)
		}
	}()
	opening, err := b.openings.read(ctx, chat.OpeningRequest{Actor: s.Actor, Chat: s.Chat})
	if err == nil {
		reset, err = b.settleIn(rd, opening)
	}
	if err == nil && rd.overAll() {
		b.subscribe(rd, opening.Chats)
	}
	if err != nil {
		return nil, "", err
	}
	// What was only needed for the place is not kept for as long as the stream lives.
	s.LastEventID, s.After = "", ""
	b.tail.headAt(opening.Head)
	known = nil
	return rd, reset, nil
}

// admit makes the reader known, with its first subscription, unless streams are ending or
// there are too many.
func (b *Broker) admit(rd *reader) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained {
		return chat.ErrUnavailable
	}
	err := b.refuses(rd.start)
	if err == nil {
		err = b.claim(1)
	}
	if err != nil {
		b.metrics.refused.Inc()
		return err
	}
	b.readersDone.Add(1)
	b.register(rd)
	b.metrics.open.Set(float64(b.streams))
	first := roomKey{chat: rd.start.Chat}
	if rd.overAll() {
		first.home = rd.credential.user
	}
	b.enter(first, &rd.first)
	rd.touch(&rd.first)
	return nil
}

// settleIn gives the reader what its opening says, and its place.
func (b *Broker) settleIn(rd *reader, opening chat.Opening) (reset string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rd.overAll() {
		if err := b.claim(len(opening.Chats)); err != nil {
			b.metrics.refused.Inc()
			return "", err
		}
	}
	rd.opened = opening.Head
	rd.cursor, reset = rd.start.place(opening)
	return reset, nil
}

// subscriptionSlice is how many subscriptions are taken, or given up, before the
// mutex is left to others.
const subscriptionSlice = 64

// subscribe subscribes the reader to its chats, a slice at a time. What happens
// meanwhile passes nothing by: a room begins where the tail stands when the reader
// enters it, and a reader whose cursor is before that takes what lies between from the
// log; its own joins and leaves stand in its home room.
func (b *Broker) subscribe(rd *reader, chats []string) {
	chats = slices.Sorted(slices.Values(chats))
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.others = make([]*subscription, 0, len(chats))
	for i, chatID := range chats {
		rd.join(chatID, i)
		b.yieldAfter(i)
	}
}

// yieldAfter leaves the mutex, which is held, to others after the last of a slice, and says
// whether it did. A goroutine that took it again at once would be faster than all that wait
// for it.
func (b *Broker) yieldAfter(i int) (yielded bool) {
	if i%subscriptionSlice != subscriptionSlice-1 {
		return false
	}
	b.mu.Unlock()
	runtime.Gosched()
	b.mu.Lock()
	return true
}

// leaveAll ends the reader's subscriptions to chats, over all chats, a slice at a time. Whoever
// looks at the reader between two slices finds those alone that go on. The broker's mutex is
// held.
func (b *Broker) leaveAll(rd *reader) {
	for i := 0; len(rd.others) > 0; i++ {
		last := len(rd.others) - 1
		sub := rd.others[last]
		rd.others = rd.others[:last]
		b.leave(sub)
		b.yieldAfter(i)
	}
}

// dismiss forgets the reader and ends its subscriptions.
func (b *Broker) dismiss(rd *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.dismissed = true
	rd.stopWaiting()
	rd.dropSegment()
	b.disappear(rd, time.Now())
	b.leaveAll(rd)
	b.leave(&rd.first)
	b.forget(rd)
	b.metrics.open.Set(float64(b.streams))
	b.readersDone.Done()
}
