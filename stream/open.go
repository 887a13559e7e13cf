package stream

import (
	"context"
	"errors"

	"parley/chat"
)

// open authorises a stream and gives it a reader, and says why the client's
// place is gone, if it is. The reader is known to the broker before its rights
// are read, so that no row behind the head it opens at can pass it by.
func (b *Broker) open(ctx context.Context, s *Start, d driver) (rd *reader, reset string, err error) {
	rd = newReader(b, s, d)
	first := roomKey{chat: s.Chat}
	if s.Chat == "" {
		first = roomKey{home: s.Actor.Username}
	}
	if err := b.admit(rd, first); err != nil {
		return nil, "", err
	}
	known := rd
	defer func() {
		if known != nil { // an error or a panic
			b.dismiss(known)
		}
	}()
	opening, err := b.readOpening(ctx, s)
	if err != nil {
		return nil, "", err
	}
	rd.cursor, reset = s.place(opening.Head)
	// What was only needed for that is not kept for as long as the stream lives.
	rd.start.LastEventID, rd.start.After = "", ""
	b.settleIn(rd, opening)
	b.tail.headAt(opening.Head)
	known = nil
	return rd, reset, nil
}

// readOpening reads the stream's rights when its turn comes. A crowd that was cut
// comes back at once, and the store, which has to answer within seconds, would
// refuse most of it; here they wait for one another, until the store fails one of
// them.
func (b *Broker) readOpening(ctx context.Context, s *Start) (chat.Opening, error) {
	failures := b.openingsFailed.Load()
	select {
	case b.opening <- struct{}{}:
	case <-ctx.Done():
		return chat.Opening{}, ctx.Err()
	}
	defer func() { <-b.opening }()
	if b.openingsFailed.Load() != failures || b.isDrained() {
		return chat.Opening{}, chat.ErrUnavailable
	}
	opening, err := b.log.Open(ctx, s.Actor, s.Chat)
	if errors.Is(err, chat.ErrUnavailable) {
		b.openingsFailed.Add(1)
	}
	return opening, err
}

func (b *Broker) isDrained() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.drained
}

// maxOpening is how many streams have their rights read at once.
const maxOpening = 16

// settleIn gives the reader what its opening says.
func (b *Broker) settleIn(rd *reader, opening chat.Opening) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.opened = opening.Head
	if rd.opened > b.applied {
		b.arriving[rd] = struct{}{}
	}
	if rd.start.Chat == "" {
		for _, chatID := range opening.Chats {
			b.enter(roomKey{chat: chatID}, rd)
		}
	}
}

// admit makes the reader known, with its first subscription, unless streams are ending or
// there are too many.
func (b *Broker) admit(rd *reader, first roomKey) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained {
		return chat.ErrUnavailable
	}
	if err := b.opts.Limits.refuses(b, rd.start); err != nil {
		b.metrics.refused.Inc()
		return err
	}
	b.readersDone.Add(1)
	b.count(rd.start, 1)
	user := rd.start.Actor.Username
	if b.users[user] == nil {
		b.users[user] = make(map[*reader]struct{})
	}
	b.users[user][rd] = struct{}{}
	b.enter(first, rd)
	return nil
}

// dismiss forgets the reader.
func (b *Broker) dismiss(rd *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.dismissed = true
	if rd.waits {
		rd.waits = false
		b.metrics.behind.Dec()
	}
	for chatID := range rd.others {
		b.leave(roomKey{chat: chatID}, rd)
	}
	b.leave(rd.first.room.key, rd)
	delete(b.arriving, rd)
	user := rd.start.Actor.Username
	delete(b.users[user], rd)
	if len(b.users[user]) == 0 {
		delete(b.users, user)
	}
	b.count(rd.start, -1)
	b.readersDone.Done()
}
