package stream

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"parley/chat"
)

// What memory does not hold is read from the log: once a room, however many of its
// readers need it, and once a reader over all chats. A few reads go on at a time,
// so that a crowd that was cut leaves the database to posting; a reader that waits for
// none of them is not held up by them.
//
// Users take turns at the reads ([readQueue]). Of the users whose readers wait in a room, the
// one whose turn comes first gives it to the room; where the part begins is decided by the
// room's own round of these users. So a reader does not wait for the turn of another user of
// the room that has many reads before, and waits for one part of each other user at the most.

// maxReads is how many parts of the log are read at once.
const maxReads = 8

// readBackPace lies between the parts of the log that are read for one room, or for one
// reader over all chats, where they are many: some 30,000 events a second. Nobody waits
// for a long way back to be fast, and everybody shares the machine with it.
const readBackPace = 8 * time.Millisecond

// cachedSegment is a segment that holds what follows the reader's cursor; nil if there
// is none.
func (rd *reader) cachedSegment(now time.Time) *segment {
	p := rd.segment
	if !p.covers(rd.cursor) {
		if rd.overAll() {
			return nil
		}
		if p = rd.first.room.segmentAt(rd.cursor); p == nil {
			return nil
		}
	}
	rd.broker.memory.use(p, now)
	return p
}

// ask has the part of the log read that the reader needs next, unless one is being
// read already. The broker's mutex is held.
func (rd *reader) ask() {
	if rd.waits || !rd.retry.IsZero() {
		return
	}
	rd.waits = true
	b := rd.broker
	b.metrics.behind.Inc()
	if rd.overAll() {
		b.enqueue(rd.credential.user, &logRead{reader: rd, due: rd.readDue})
		return
	}
	ro := rd.first.room
	ro.waiting = append(ro.waiting, rd)
	if ro.read == nil {
		b.enqueueRoom(ro)
	} else {
		b.reads.hasten(ro.read, rd.credential.user)
	}
}

// answered ends a reader's waiting. The broker's mutex is held.
func (rd *reader) answered(p *segment, err error) {
	rd.stopWaiting()
	if err != nil {
		rd.retry = time.Now().Add(jitter(time.Second))
	} else {
		rd.dropSegment()
		rd.segment, rd.owed = p, true
	}
	rd.wakeUp()
}

func (rd *reader) stopWaiting() {
	if rd.waits {
		rd.waits = false
		rd.broker.metrics.behind.Dec()
	}
}

// logRead is a part of the log to be read, for a room or for one reader.
type logRead struct {
	room   *room
	reader *reader
	// user is on whose turn it is read; first is, of a room, at whose reader it begins.
	user, first string
	// from and upTo bound it, and limit is how many events are read at the most; they are
	// found when its turn comes. lives is how often the log had lost its end by then.
	from, upTo int64
	limit      int
	// opened is where the reader's rights were read.
	opened int64
	lives  int
	// due is when it may be read.
	due time.Time
	// part is what is being read.
	part *segment
}

// enqueue has a part of the log read on a turn of the user, as soon as not too many others
// are. The broker's mutex is held.
func (b *Broker) enqueue(user string, r *logRead) {
	b.reads.add(user, r)
	if b.reading < maxReads {
		b.reading++
		b.workDone.Go(b.readLog)
	}
}

// enqueueRoom has a part read for the readers that wait in a room. The broker's mutex is held.
func (b *Broker) enqueueRoom(ro *room) {
	ro.read = &logRead{room: ro, due: ro.readDue}
	b.enqueue(b.nearestTurn(ro.waiting), ro.read)
}

// nearestTurn is the user among those of the readers whose part would come first. The broker's
// mutex is held.
func (b *Broker) nearestTurn(readers []*reader) (user string) {
	least := math.MaxInt
	for _, rd := range readers {
		if n := b.reads.ahead(rd.credential.user); n < least {
			user, least = rd.credential.user, n
		}
		if least == 0 {
			break
		}
	}
	return user
}

// readLog reads what is asked for until nothing is.
func (b *Broker) readLog() {
	for {
		b.mu.Lock()
		r := b.reads.take()
		if r == nil {
			b.reading--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.readPart(r)
	}
}

// readPart reads a part of the log, if it is still wanted when it is due.
func (b *Broker) readPart(r *logRead) {
	pause(b.work, r.due)
	b.mu.Lock()
	wanted := r.wanted()
	if !wanted {
		b.reads.done(r)
	}
	r.lives = len(b.lost)
	if wanted {
		r.part = b.memory.beginPart(r.room, r.from, r.upTo)
	}
	b.mu.Unlock()
	if !wanted {
		return
	}
	head, err := r.read(b.work, b)
	b.tail.headAt(head)
	b.mu.Lock()
	defer b.mu.Unlock()
	reached := b.waitForTail(head)
	b.reads.done(r)
	overtaken := b.memory.endPart(r.part)
	switch {
	case err != nil:
	case r.lives != len(b.lost):
		err = errLost
	case !reached:
		err = errAhead
	case overtaken:
		err = errOvertaken
	}
	r.deliver(b, r.part, err)
}

// tailPatience is how long a part that was read waits for the tail.
const tailPatience = 3 * time.Second

// errAhead is the error of a read that the tail has not followed in time.
var errAhead = errors.New("a part of the log is ahead of the tail")

// waitForTail waits until the tail has come to the log's head as it was when a part was read, and
// says whether it has. The messages of the part are as they were there. What memory holds may be
// older until then: a reader could be shown a deletion by the one and, behind it, by the other,
// the text that was deleted. The broker's mutex is held, and left to others.
func (b *Broker) waitForTail(head int64) (reached bool) {
	if b.applied >= head {
		return true
	}
	late := false
	timer := time.AfterFunc(tailPatience, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		late = true
		b.moved.Broadcast()
	})
	defer timer.Stop()
	for b.applied < head && !late && b.work.Err() == nil {
		b.moved.Wait()
	}
	return b.applied >= head
}

// pause waits until due, or until ctx ends.
func pause(ctx context.Context, due time.Time) {
	wait := time.Until(due)
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// nextDue is when the part behind p may be read.
func (r *logRead) nextDue(p *segment) time.Time {
	if p.through == r.upTo {
		return time.Time{}
	}
	return time.Now().Add(readBackPace)
}

// wanted says whether a reader still waits for the part, and finds where the part
// begins and how far it shall reach. The broker's mutex is held.
func (r *logRead) wanted() bool {
	if rd := r.reader; rd != nil {
		r.from, r.upTo, r.limit, r.opened = rd.cursor, max(rd.opened, rd.broker.applied), rd.readLimit, rd.opened
		return !rd.dismissed
	}
	ro := r.room
	ro.waiting = slices.DeleteFunc(ro.waiting, func(rd *reader) bool { return rd.dismissed })
	if len(ro.waiting) == 0 {
		ro.read = nil
		return false
	}
	next := ro.waiting[0]
	r.from, r.upTo, r.limit, r.first = next.cursor, ro.since, ro.readLimit, next.credential.user
	return true
}

// read reads the part, and returns where the log's head was then.
func (r *logRead) read(ctx context.Context, b *Broker) (head int64, err error) {
	b.metrics.logReads.Inc()
	var part chat.LogPart
	if r.reader != nil {
		part, err = b.log.MemberAfter(ctx, r.reader.credential.user, r.opened, r.from, r.upTo, r.limit)
	} else {
		part, err = b.log.ChatAfter(ctx, r.room.key.chat, r.from, r.upTo, r.limit)
	}
	r.part.fill(part)
	return part.Head, err
}

// nextLimit is how many events are read after a part of so many bytes: as many as are
// kept, if they are of the same size.
func nextLimit(events, bytes int) int {
	if events == 0 {
		return segmentEvents
	}
	return min(max(maxSegmentBytes*events/bytes, 1), segmentEvents)
}

// deliver hands the part to the readers that wait for it. The broker's mutex is held.
func (r *logRead) deliver(b *Broker, p *segment, err error) {
	if r.reader != nil {
		r.deliverAlone(b, p, err)
		return
	}
	ro := r.room
	// The user at whose reader the part began goes behind the others that wait.
	var answered, others, behind []*reader
	for _, rd := range ro.waiting {
		switch {
		case rd.dismissed:
		case err != nil || p.covers(rd.cursor) || rd.cursor >= ro.since:
			answered = append(answered, rd)
		case rd.credential.user == r.first:
			behind = append(behind, rd)
		default:
			others = append(others, rd)
		}
	}
	ro.waiting = append(others, behind...)
	if err == nil {
		ro.readDue = r.nextDue(p)
	}
	if ro.read = nil; len(ro.waiting) > 0 {
		b.enqueueRoom(ro)
	}
	if err == nil && len(ro.subscriptions) > 0 {
		b.memory.keep(p, len(answered))
		ro.readLimit = nextLimit(len(p.frames), p.bytes)
	}
	for _, rd := range answered {
		rd.answered(p, err)
	}
}

// deliverAlone hands the part to the one reader that it was read for.
func (r *logRead) deliverAlone(b *Broker, p *segment, err error) {
	rd := r.reader
	if rd.dismissed {
		return
	}
	if err == nil {
		b.memory.keep(p, 1)
		rd.readDue = r.nextDue(p)
		rd.readLimit = nextLimit(len(p.frames), p.bytes)
	}
	rd.answered(p, err)
}
