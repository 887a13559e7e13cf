package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/chat"
)

// memLog is a log in memory that answers as the interface's comments say, from
// the events alone: who was a member when is read off them.
type memLog struct {
	mu     sync.Mutex
	events []chat.Event
	jumps  []chat.Jump
	// broken makes every read fail.
	broken bool
	// openBroken makes every query for openings fail.
	openBroken bool
	expiry     map[string]time.Time
	// slow is how long every read of events takes.
	slow time.Duration
	// answerSlow is how long the answer to a read of a chat, or of a user's chats, is under way.
	answerSlow time.Duration
	// openSlow is how long every query for openings takes, opens how many there were.
	openSlow time.Duration
	opens    int
	// openMost is how many chats a query for openings finds in time; 0 is any number.
	openMost int
	// tailReads counts the tail's reads, memberEvents the events that were read for
	// readers over all chats, chatEvents those for rooms.
	tailReads, memberEvents, chatEvents int
	// tailFailsFrom is the first of the tail's reads that fails; 0 is none.
	tailFailsFrom int
	// pages counts how often a chat was read, reading how many are being read, and most
	// how many have been at once.
	pages         int
	most, reading int
	// parts are behind which positions chats were read.
	parts []string
	seqs  map[string]int64
	texts texts
}

func newMemLog() *memLog {
	return &memLog{expiry: make(map[string]time.Time), seqs: make(map[string]int64), texts: make(texts)}
}

// commit appends events and returns them numbered, as a writer would.
func (l *memLog) commit(events ...chat.Event) []chat.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.events)
	for _, e := range events {
		e.Pos = l.head() + 1
		if e.Chat != "" {
			l.seqs[e.Chat]++
			e.Seq = l.seqs[e.Chat]
		}
		if e.Message != nil {
			m := *e.Message
			m.Chat = e.Chat
			if e.Kind == chat.KindMessage {
				m.ID, m.Seq = e.Pos, e.Seq
			}
			e.Message, e.Encoded = &m, new(chat.Encoded) // which the answer shares
		}
		l.events = append(l.events, e)
		l.texts.note(e)
	}
	return l.events[first:len(l.events):len(l.events)]
}

// head is the position of the newest event.
func (l *memLog) head() int64 {
	if len(l.events) == 0 {
		return 0
	}
	return l.events[len(l.events)-1].Pos
}

// lose loses what is behind a position, as a standby that is promoted may have.
func (l *memLog) lose(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := len(l.events)
	for kept > 0 && l.events[kept-1].Pos > before {
		kept--
	}
	for _, e := range l.events[kept:] {
		if e.Chat != "" {
			l.seqs[e.Chat]--
		}
	}
	l.events = l.events[:kept:kept]
	l.texts = textsOf(l.events)
}

// failOver loses what is behind a position, and goes on at another with a jump, which it returns.
func (l *memLog) failOver(before, pos int64) chat.Event {
	l.lose(before)
	l.mu.Lock()
	defer l.mu.Unlock()
	jump := chat.Event{Pos: pos, Kind: chat.KindJump, Before: before}
	l.events = append(l.events, jump)
	l.jumps = append(l.jumps, chat.Jump{Before: before, Pos: pos})
	return jump
}

func (l *memLog) setBroken(broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = broken
}

// failTail makes the tail's reads fail, but for the next n; or all go well again, where n is
// negative.
func (l *memLog) failTail(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tailFailsFrom = 0; n >= 0 {
		l.tailFailsFrom = l.tailReads + n + 1
	}
}

func (l *memLog) renew(session string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expiry[session] = until
}

func (l *memLog) read() error {
	if l.broken {
		return chat.ErrUnavailable
	}
	return nil
}

// interval is a membership, both ends included; left is 0 while it lasts.
type interval struct{ joined, left int64 }

// intervals are the user's memberships by chat.
func (l *memLog) intervals(username string) map[string][]interval {
	in := make(map[string][]interval)
	for _, e := range l.events {
		ivs := in[e.Chat]
		open := len(ivs) > 0 && ivs[len(ivs)-1].left == 0
		switch {
		case e.Kind == chat.KindMemberJoined && e.Username == username:
			in[e.Chat] = append(ivs, interval{joined: e.Pos})
		case open && (e.Kind == chat.KindMemberLeft && e.Username == username || e.Kind == chat.KindChatDeleted):
			ivs[len(ivs)-1].left = e.Pos
		}
	}
	return in
}

func (l *memLog) Open(_ context.Context, requests []chat.OpeningRequest) ([]chat.Opening, error) {
	time.Sleep(l.openSlow)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, err
	}
	if l.openBroken {
		return nil, chat.ErrUnavailable
	}
	l.opens++
	var answers []chat.Opening
	chats := make(map[string]int) // by who asks, and for what
	most := 0
	for _, r := range requests {
		if r.Chat == unaskable {
			return nil, errors.New("a question that fails its query")
		}
		o, err := l.open(r.Actor, r.Chat)
		o.Err = err
		answers = append(answers, o)
		if ask := r.Actor.Session + " " + r.Chat; chats[ask] == 0 {
			chats[ask] = len(o.Chats)
			most += len(o.Chats)
		}
	}
	if l.openMost > 0 && most > l.openMost {
		return nil, chat.ErrUnavailable
	}
	return answers, nil
}

// unaskable is a chat that makes a query fail, as what a database refuses does.
const unaskable = "unaskable"

func (l *memLog) open(actor chat.Actor, chatID string) (chat.Opening, error) {
	o := chat.Opening{Head: l.head(), Jumps: slices.Clone(l.jumps)}
	for _, e := range l.events {
		if e.Kind == chat.KindSessionEnded && e.Session == actor.Session {
			return chat.Opening{}, chat.ErrSessionEnded
		}
	}
	for id, ivs := range l.intervals(actor.Username) {
		if ivs[len(ivs)-1].left == 0 && (chatID == "" || chatID == id) {
			o.Chats = append(o.Chats, id)
		}
	}
	if chatID != "" && len(o.Chats) == 0 {
		return chat.Opening{}, chat.ErrNotFound
	}
	return o, nil
}

// dawdle takes the time that a read takes.
func (l *memLog) dawdle(ctx context.Context) {
	l.mu.Lock()
	slow := l.slow
	l.mu.Unlock()
	wait(ctx, slow)
}

// setSlow sets how long every read of events takes, while some may be under way.
func (l *memLog) setSlow(slow time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow = slow
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// count notes that the reading of a chat begins or ends.
func (l *memLog) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading += n
	l.most = max(l.most, l.reading)
}

func (l *memLog) After(ctx context.Context, after int64, limit int) ([]chat.Event, int64, error) {
	l.dawdle(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, 0, err
	}
	if l.tailReads++; l.tailFailsFrom > 0 && l.tailReads >= l.tailFailsFrom {
		return nil, 0, chat.ErrUnavailable
	}
	var found []chat.Event
	for _, e := range l.events {
		if e.Pos > after && len(found) < limit {
			found = append(found, e)
		}
	}
	return l.texts.read(found), l.head(), nil
}

func (l *memLog) ChatAfter(ctx context.Context, chatID string, after, upTo int64, limit int) (chat.LogPart, error) {
	l.count(1)
	defer l.count(-1)
	l.dawdle(ctx)
	defer wait(ctx, l.answerSlow)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return chat.LogPart{}, err
	}
	l.pages++
	l.parts = append(l.parts, fmt.Sprint(after))
	var found []chat.Event
	through := upTo
	for _, e := range l.events {
		if e.Pos > upTo {
			break
		}
		if e.Pos > after && e.Chat == chatID {
			if found = append(found, e); len(found) == limit {
				through = e.Pos
				break
			}
		}
	}
	l.chatEvents += len(found)
	return l.part(found, through), nil
}

// part is what a read finds.
func (l *memLog) part(found []chat.Event, through int64) chat.LogPart {
	return chat.LogPart{Events: l.texts.read(found), Through: through, Head: l.head()}
}

func (l *memLog) MemberAfter(ctx context.Context, username string, opened, after, upTo int64, limit int) (chat.LogPart, error) {
	l.dawdle(ctx)
	defer wait(ctx, l.answerSlow)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return chat.LogPart{}, err
	}
	found, through := expected(l.events, l.intervals(username), opened, after, upTo), upTo
	if len(found) > limit {
		found, through = found[:limit], found[limit-1].Pos
	}
	l.memberEvents += len(found)
	return l.part(found, through), nil
}

// expected is what a stream over all chats has to show, written down from the
// contract.
func expected(events []chat.Event, in map[string][]interval, opened, after, upTo int64) []chat.Event {
	var found []chat.Event
	for _, e := range events {
		if e.Chat == "" || e.Pos <= after || e.Pos > upTo {
			continue
		}
		present := false
		for _, iv := range in[e.Chat] {
			present = present || iv.joined <= opened && (iv.left == 0 || iv.left > opened)
		}
		for _, iv := range in[e.Chat] {
			within := iv.joined <= e.Pos && (iv.left == 0 || e.Pos <= iv.left)
			if within && (present || iv.joined > opened || e.Pos == iv.left) {
				found = append(found, e)
				break
			}
		}
	}
	return found
}

func (l *memLog) AccessExpiries(_ context.Context, sessions []string) (map[string]time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, err
	}
	found := make(map[string]time.Time)
	for _, s := range sessions {
		if t, ok := l.expiry[s]; ok {
			found[s] = t
		}
	}
	return found, nil
}

// The events that tests tell of.

func says(chatID, author, text string) chat.Event {
	return chat.Event{Kind: chat.KindMessage, Chat: chatID, Message: &chat.Message{Author: author, Text: text}}
}

// edits is a message behind an edit.
func edits(chatID string, id int64, text string) chat.Event {
	return chat.Event{Kind: chat.KindMessageEdited, Chat: chatID, Message: &chat.Message{ID: id, Text: text}}
}

func joins(chatID, username string) chat.Event {
	return chat.Event{Kind: chat.KindMemberJoined, Chat: chatID, Username: username, Role: chat.RoleMember}
}

func leaves(chatID, username string) chat.Event {
	return chat.Event{Kind: chat.KindMemberLeft, Chat: chatID, Username: username, Role: chat.RoleMember}
}

func deletes(chatID string) chat.Event {
	return chat.Event{Kind: chat.KindChatDeleted, Chat: chatID}
}

func endsSession(username, session string) chat.Event {
	return chat.Event{Kind: chat.KindSessionEnded, Username: username, Session: session}
}

func numbered(from, to int) []chat.Event {
	var events []chat.Event
	for i := from; i <= to; i++ {
		events = append(events, says("lobby", "bob", fmt.Sprint(i)))
	}
	return events
}
