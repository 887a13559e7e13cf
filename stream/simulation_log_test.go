package stream

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"parley/chat"
)

// simLog is the log of a simulation: what is committed, and when.
type simLog struct {
	mu     sync.Mutex
	events []chat.Event
	// at is when each of them was committed.
	at []time.Time
	// lives are the log as it was before each failover.
	lives []simLife
	texts texts
	// changed are the messages that were ever edited or deleted.
	changed  map[int64]bool
	jumps    []chat.Jump
	seqs     map[string]int64
	sessions map[string]*simSession
}

// simLife is the log between two failovers that lost a part of it.
type simLife struct {
	events []chat.Event
	at     []time.Time
	// before is behind what the log was lost, until where it went on.
	before, until int64
}

// simSession is a session as it is stored.
type simSession struct {
	user string
	over bool
	// renewals are until when the session has had access, and since when that is stored.
	renewals []simRenewal
}

type simRenewal struct{ at, until time.Time }

// until is until when the session has access, as stood in the log at a time.
func (s *simSession) until(at time.Time) time.Time {
	for _, r := range slices.Backward(s.renewals) {
		if !r.at.After(at) {
			return r.until
		}
	}
	return s.renewals[0].until
}

func newSimLog() *simLog {
	return &simLog{texts: make(texts), changed: make(map[int64]bool), seqs: make(map[string]int64), sessions: make(map[string]*simSession)}
}

// commit appends events and returns them numbered.
func (l *simLog) commit(events ...chat.Event) []chat.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, now := len(l.events), time.Now()
	for _, e := range events {
		e.Pos = max(e.Pos, l.headLocked()+1)
		if e.Chat != "" {
			l.seqs[e.Chat]++
			e.Seq = l.seqs[e.Chat]
		}
		if e.Message != nil {
			m := *e.Message
			if e.Kind == chat.KindMessage {
				m.ID, m.Seq, m.Chat = e.Pos, e.Seq, e.Chat
			} else {
				m.Changed = e.Pos
				l.changed[m.ID] = true
			}
			e.Message = &m
		}
		switch e.Kind {
		case chat.KindSessionEnded:
			l.sessions[e.Session].over = true
		case chat.KindUserDisabled:
			for _, s := range l.sessions {
				s.over = s.over || s.user == e.Username
			}
		case chat.KindJump:
			e.Before = l.headLocked()
			l.jumps = append(l.jumps, chat.Jump{Before: e.Before, Pos: e.Pos})
		}
		l.events, l.at = append(l.events, e), append(l.at, now)
		l.texts.note(e)
	}
	return l.events[first:len(l.events):len(l.events)]
}

// failOver loses what is behind a position, and goes on at another with a jump, which it
// returns.
func (l *simLog) failOver(before, pos int64) []chat.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives = append(l.lives, simLife{l.events, l.at, before, pos})
	for i := range l.lives { // what an earlier failover left may be lost now
		l.lives[i].before = min(l.lives[i].before, before)
	}
	kept := l.index(before)
	for _, e := range l.events[kept:] {
		if e.Chat != "" {
			l.seqs[e.Chat]--
		}
		for id, s := range l.sessions {
			if e.Kind == chat.KindSessionEnded && e.Session == id || e.Kind == chat.KindUserDisabled && e.Username == s.user {
				s.over = false
			}
		}
	}
	jump := chat.Event{Pos: pos, Kind: chat.KindJump, Before: before}
	l.jumps = append(l.jumps, chat.Jump{Before: before, Pos: pos})
	l.events, l.at = append(l.events[:kept:kept], jump), append(l.at[:kept:kept], time.Now())
	l.texts = textsOf(l.events)
	return l.events[kept:]
}

// renew stores until when a session has access.
func (l *simLog) renew(user, session string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[session]
	if s == nil {
		s = &simSession{user: user}
		l.sessions[session] = s
	}
	s.renewals = append(s.renewals, simRenewal{time.Now(), until})
}

func (l *simLog) head() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.headLocked()
}

func (l *simLog) headLocked() int64 {
	if len(l.events) == 0 {
		return 0
	}
	return l.events[len(l.events)-1].Pos
}

// behind are the events behind a position, of which the mutex is held.
func (l *simLog) behind(pos int64) []chat.Event { return l.events[l.index(pos):] }

// index is how many events are not behind a position.
func (l *simLog) index(pos int64) int {
	return sort.Search(len(l.events), func(i int) bool { return l.events[i].Pos > pos })
}

// intervals are the user's memberships by chat. The mutex is held.
func (l *simLog) intervals(user string) map[string][]interval {
	return intervalsOf(l.events, user)
}

func intervalsOf(events []chat.Event, user string) map[string][]interval {
	return (&memLog{events: events}).intervals(user)
}

// simDatabase is the log as one instance reads it: its calls may fail, wait before or
// behind their snapshot, and answer with less than they could.
type simDatabase struct {
	log   *simLog
	fates fates
	// tailFine says that the tail's reads go well in any weather.
	tailFine bool

	mu      sync.Mutex
	weather weather
	// calls counts the calls of each kind.
	calls [callKinds]uint64
	// toldOver are the sessions that the instance was told are over.
	toldOver map[string]bool
}

// weather is how a database answers.
type weather int

const (
	fine weather = iota
	// shaky fails some calls and delays some, broken fails all.
	shaky
	broken
)

// callKind is one of the methods of [Log].
type callKind int

const (
	callOpen callKind = iota
	callAfter
	callChat
	callMember
	callExpiries

	callKinds
)

// visit is how one call goes.
type visit struct {
	before, behind time.Duration
	failed         bool
	// short is how many events the answer has at the most.
	short int
}

func (d *simDatabase) setWeather(w weather) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.weather = w
}

// call decides how a call goes, and makes it wait.
func (d *simDatabase) call(ctx context.Context, kind callKind) (visit, error) {
	v := d.visit(kind)
	pause(ctx, time.Now().Add(v.before))
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case v.failed:
		return v, chat.ErrUnavailable
	}
	return v, nil
}

func (d *simDatabase) visit(kind callKind) visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[kind]++
	v := visit{short: 1 << 20}
	if d.weather == fine || d.tailFine && kind == callAfter {
		return v
	}
	v.failed = d.weather == broken
	rnd := d.fates.of(uint64(kind), d.calls[kind])
	switch rnd.IntN(8) {
	case 0:
		v.failed = true
	case 1:
		v.before, v.failed = time.Duration(rnd.Int64N(int64(3*time.Second))), true
	case 2:
		v.before = time.Duration(rnd.Int64N(int64(300 * time.Millisecond)))
	case 3:
		v.behind = time.Duration(rnd.Int64N(int64(300 * time.Millisecond)))
	case 4:
		v.before = time.Duration(rnd.Int64N(int64(time.Second)))
		v.behind = time.Duration(rnd.Int64N(int64(2 * time.Second)))
	}
	if rnd.IntN(2) == 0 {
		v.short = 1 + rnd.IntN(4)
	}
	return v
}

// end makes a call wait behind its snapshot.
func (v visit) end(ctx context.Context) error {
	pause(ctx, time.Now().Add(v.behind))
	return ctx.Err()
}

func (d *simDatabase) Open(ctx context.Context, requests []chat.OpeningRequest) ([]chat.Opening, error) {
	v, err := d.call(ctx, callOpen)
	if err != nil {
		return nil, err
	}
	answers := d.log.open(requests)
	return answers, v.end(ctx)
}

func (l *simLog) open(requests []chat.OpeningRequest) []chat.Opening {
	l.mu.Lock()
	defer l.mu.Unlock()
	answers := make([]chat.Opening, len(requests))
	for i, r := range requests {
		o := chat.Opening{Head: l.headLocked(), Jumps: l.jumps[:len(l.jumps):len(l.jumps)]}
		for id, ivs := range l.intervals(r.Actor.Username) {
			if ivs[len(ivs)-1].left == 0 && (r.Chat == "" || r.Chat == id) {
				o.Chats = append(o.Chats, id)
			}
		}
		switch {
		case l.sessions[r.Actor.Session].over:
			o = chat.Opening{Err: chat.ErrSessionEnded}
		case r.Chat != "" && len(o.Chats) == 0:
			o = chat.Opening{Err: chat.ErrNotFound}
		}
		answers[i] = o
	}
	return answers
}

func (d *simDatabase) After(ctx context.Context, after int64, limit int) ([]chat.Event, int64, error) {
	v, err := d.call(ctx, callAfter)
	if err != nil {
		return nil, 0, err
	}
	d.log.mu.Lock()
	events, head := d.log.behind(after), d.log.headLocked()
	events = d.log.texts.read(events[:min(len(events), limit)])
	d.log.mu.Unlock()
	return events, head, v.end(ctx)
}

func (d *simDatabase) ChatAfter(ctx context.Context, chatID string, after, upTo int64, limit int) (chat.LogPart, error) {
	v, err := d.call(ctx, callChat)
	if err != nil {
		return chat.LogPart{}, err
	}
	d.log.mu.Lock()
	var found []chat.Event
	for _, e := range d.log.behind(after) {
		if e.Pos <= upTo && e.Chat == chatID {
			found = append(found, e)
		}
	}
	part := d.log.part(found, upTo, limit)
	d.log.mu.Unlock()
	return part, v.end(ctx)
}

func (d *simDatabase) MemberAfter(ctx context.Context, username string, opened, after, upTo int64, limit int) (chat.LogPart, error) {
	v, err := d.call(ctx, callMember)
	if err != nil {
		return chat.LogPart{}, err
	}
	d.log.mu.Lock()
	found := expected(d.log.events, d.log.intervals(username), opened, after, upTo)
	part := d.log.part(found, upTo, min(limit, v.short))
	d.log.mu.Unlock()
	return part, v.end(ctx)
}

// part is what a read finds. The mutex is held.
func (l *simLog) part(found []chat.Event, through int64, limit int) chat.LogPart {
	if len(found) > limit {
		found, through = found[:limit], found[limit-1].Pos
	}
	return chat.LogPart{Events: l.texts.read(found), Through: through, Head: l.headLocked()}
}

func (d *simDatabase) AccessExpiries(ctx context.Context, sessions []string) (map[string]time.Time, error) {
	v, err := d.call(ctx, callExpiries)
	if err != nil {
		return nil, err
	}
	found := make(map[string]time.Time)
	d.log.mu.Lock()
	for _, id := range sessions {
		if s := d.log.sessions[id]; !s.over {
			found[id] = s.until(time.Now())
		}
	}
	d.log.mu.Unlock()
	d.mu.Lock()
	for _, id := range sessions {
		if _, live := found[id]; !live {
			d.toldOver[id] = true
		}
	}
	d.mu.Unlock()
	return found, v.end(ctx)
}

func (d *simDatabase) wasToldOver(session string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.toldOver[session]
}
