package stream

import (
	"context"
	"slices"
	"time"

	"parley/chat"
)

// What memory does not hold is read from the log: once a room, however many of its
// readers need it, and once a reader over all chats. A few reads go on at a time,
// so that a crowd that was cut leaves the database to those who post; nobody is
// held up by them who does not wait for one.

const (
	// maxReads is how many parts of the log are read at once.
	maxReads = 8
	// segmentEvents is how many events are read at once.
	segmentEvents = 256
	// maxSegmentBytes bounds what is kept of them.
	maxSegmentBytes = 256 << 10
	// segmentTTL is how long a part that nobody needs any more is kept for others.
	segmentTTL = 10 * time.Second
)

// segment is a part of the log: every event of a room, or every event that a reader
// over all chats is shown, behind from and up to through.
type segment struct {
	from, through int64
	frames        []*frame
	bytes         int
	// used is when somebody last needed it.
	used time.Time
}

// add makes the page of events, which are all that it holds up to through. Where
// they are too many bytes the page ends earlier.
func (p *segment) add(events []chat.Event) {
	for _, e := range events {
		f := newFrame(e)
		p.frames = append(p.frames, f)
		if p.bytes += f.size(); p.bytes > maxSegmentBytes {
			p.through = e.Pos
			return
		}
	}
}

// covers says whether the page holds what follows a position.
func (p *segment) covers(pos int64) bool { return p != nil && p.from <= pos && pos < p.through }

// segmentAt is the room's page that holds what follows a position; nil if none does.
func (ro *room) segmentAt(pos int64, now time.Time) *segment {
	for _, p := range slices.Backward(ro.segments) {
		if p.covers(pos) {
			p.used = now
			return p
		}
	}
	return nil
}

// cachedSegment is a page that holds what follows the reader's cursor; nil if there is
// none.
func (rd *reader) cachedSegment(now time.Time) *segment {
	switch {
	case rd.segment.covers(rd.cursor):
		return rd.segment
	case rd.overAll():
		return nil
	default:
		return rd.first.room.segmentAt(rd.cursor, now)
	}
}

// keep takes a page into the room: where it reaches to what the room remembers, and
// with that stays below limit bytes, as a part of it; elsewhere for a while. It
// returns by how many bytes the room grew.
func (ro *room) keep(p *segment, limit int) (grown int) {
	if p.through >= ro.since && ro.bytes+p.bytes <= limit {
		ro.frames = append(p.frames[:len(p.frames):len(p.frames)], ro.frames...)
		ro.since = p.from
		ro.bytes += p.bytes
		return p.bytes
	}
	ro.segments = append(ro.segments, p)
	return p.bytes
}

// dropSegments forgets pages for which that is due, the one read first coming first,
// and returns how many bytes went.
func (ro *room) dropSegments(due func(*segment) bool) (dropped int) {
	ro.segments = slices.DeleteFunc(ro.segments, func(p *segment) bool {
		if !due(p) {
			return false
		}
		dropped += p.bytes
		return true
	})
	return dropped
}

// dropUnused forgets the pages that nobody has needed for a while.
func (b *Broker) dropUnused(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ro := range b.rooms {
		b.bytes -= ro.dropSegments(func(p *segment) bool { return now.Sub(p.used) > segmentTTL })
	}
}

// always says that something is due.
func always(*segment) bool { return true }

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
		b.enqueue(logRead{reader: rd, from: rd.cursor, upTo: max(rd.opened, b.applied)})
		return
	}
	ro := rd.first.room
	ro.waiting = append(ro.waiting, rd)
	if !ro.reading {
		ro.reading = true
		b.enqueue(logRead{room: ro})
	}
}

// answered ends a reader's waiting. A page is the reader's own, so that it gets on
// however short memory is. The broker's mutex is held.
func (rd *reader) answered(p *segment, err error) {
	if !rd.waits {
		return
	}
	rd.waits = false
	rd.broker.metrics.behind.Dec()
	if err != nil {
		rd.retry = time.Now().Add(jitter(time.Second))
	} else {
		rd.segment = p
	}
	rd.wakeUp()
}

// logRead is a part of the log to be read, for a room or for one reader.
type logRead struct {
	room   *room
	reader *reader
	// from and upTo bound it; for a room they are found when its turn comes.
	from, upTo int64
}

// enqueue has a part of the log read as soon as not too many others are. The
// broker's mutex is held.
func (b *Broker) enqueue(r logRead) {
	b.reads = append(b.reads, r)
	if b.reading < maxReads {
		b.reading++
		b.workDone.Go(b.readLog)
	}
}

// readLog reads what is asked for until nothing is.
func (b *Broker) readLog() {
	for {
		b.mu.Lock()
		if len(b.reads) == 0 {
			b.reading--
			b.reads = nil
			b.mu.Unlock()
			return
		}
		r := b.reads[0]
		b.reads = b.reads[1:]
		wanted := r.wanted()
		b.mu.Unlock()
		if !wanted {
			continue
		}
		p, err := r.read(b.work, b)
		b.mu.Lock()
		r.deliver(b, p, err)
		b.mu.Unlock()
	}
}

// wanted says whether somebody still waits for the part. Of a room it finds where
// the part begins and how far it shall reach. The broker's mutex is held.
func (r *logRead) wanted() bool {
	if r.reader != nil {
		return !r.reader.dismissed
	}
	ro := r.room
	ro.waiting = slices.DeleteFunc(ro.waiting, func(rd *reader) bool { return rd.dismissed })
	if len(ro.waiting) == 0 {
		ro.reading = false
		return false
	}
	r.from, r.upTo = ro.waiting[0].cursor, ro.since
	return true
}

// read reads the part.
func (r *logRead) read(ctx context.Context, b *Broker) (*segment, error) {
	b.metrics.logReads.Inc()
	p := &segment{from: r.from, through: r.upTo, used: time.Now()}
	if r.reader != nil {
		events, through, err := b.log.MemberAfter(ctx, r.reader.start.Actor.Username, r.reader.opened, r.from, r.upTo, segmentEvents)
		p.through = through
		p.add(events)
		return p, err
	}
	events, err := b.log.ChatAfter(ctx, r.room.key.chat, r.from, r.upTo, segmentEvents)
	if len(events) == segmentEvents {
		p.through = events[segmentEvents-1].Pos
	}
	p.add(events)
	return p, err
}

// deliver hands the part to those who wait for it. The broker's mutex is held.
func (r *logRead) deliver(b *Broker, p *segment, err error) {
	if r.reader != nil {
		r.reader.answered(p, err)
		return
	}
	ro := r.room
	if err == nil && len(ro.subscriptions) > 0 {
		b.bytes += ro.keep(p, b.roomBytes)
	}
	ro.waiting = slices.DeleteFunc(ro.waiting, func(rd *reader) bool {
		answered := err != nil || p.covers(rd.cursor) || rd.cursor >= ro.since
		if answered {
			rd.answered(p, err)
		}
		return answered
	})
	if ro.reading = len(ro.waiting) > 0; ro.reading {
		b.enqueue(logRead{room: ro})
	}
	over := b.bytes - b.opts.TotalBytes
	b.bytes -= ro.dropSegments(func(p *segment) bool {
		due := over > 0
		over -= p.bytes
		return due
	})
	b.fit()
}
