package stream

import (
	"context"
	"sync"
	"time"

	"parley/chat"
)

// Signal tells of something that is not stored. It is live only, and the first to be
// dropped: nothing may depend on it but how soon something is noticed.
type Signal struct {
	// Kind is what it tells of. A kind that an instance does not know is of a newer release,
	// and ignored.
	Kind chat.SignalKind `json:"kind"`
	// Chat is the one whose readers are given it; empty for [SignalRenewed].
	Chat string `json:"chat,omitzero"`
	// Username is the user that it is about; empty for [SignalCrowd].
	Username string `json:"username"`
	// Session is the one that was renewed.
	Session string `json:"session,omitzero"`
	// ID is the message at which a read marker stands.
	ID int64 `json:"id,omitzero"`
	// Present says that the user came, and not that the user went.
	Present bool `json:"present,omitzero"`
	// At is a position of the log at which the signal was allowed. A reader is given it
	// behind that position alone, so that one that left the chat before is not.
	At int64 `json:"at,omitzero"`
}

// SignalRenewed says that a session was renewed. That one ended is no signal but an event.
const SignalRenewed chat.SignalKind = "session.renewed"

// SignalCrowd says that many are present in a chat now: comings and goings that wait are told
// to nobody. No reader is shown it.
const SignalCrowd chat.SignalKind = "presence.crowd"

// signalKey is what a signal is about: of those about the same, the latest counts.
type signalKey struct {
	kind                    chat.SignalKind
	chat, username, session string
}

func (s *Signal) key() signalKey { return signalKey{s.Kind, s.Chat, s.Username, s.Session} }

const (
	// maxSignals is how many signals wait to be sent; those beyond are dropped. Of them
	// maxChatSignals may be of chats, so that these leave room for renewals.
	maxSignals     = 256
	maxChatSignals = 192
	// maxSignalsMessage bounds a message of signals, in bytes, and sendPace is the least
	// time between two of them: together they bound what signals take of the bus.
	maxSignalsMessage = 4 << 10
	sendPace          = 10 * time.Millisecond
)

// signaller sends signals to the bus.
type signaller struct {
	broker *Broker
	// woken has room for one: there is something to send.
	woken chan struct{}

	mu      sync.Mutex
	waiting []Signal
}

func newSignaller(b *Broker) *signaller {
	return &signaller{broker: b, woken: make(chan struct{}, 1)}
}

// add has a signal sent, unless too many wait. It does not block.
func (sg *signaller) add(s Signal) {
	if !sg.queue(s) {
		sg.broker.metrics.busDropped.Inc()
		return
	}
	signal(sg.woken)
}

// queue puts a signal among those that wait, in the place of an older one about the same.
func (sg *signaller) queue(s Signal) bool {
	limit := maxSignals
	if s.Chat != "" {
		limit = maxChatSignals
	}
	sg.mu.Lock()
	defer sg.mu.Unlock()
	for i := range sg.waiting {
		if sg.waiting[i].key() == s.key() {
			sg.waiting[i] = s
			return true
		}
	}
	if len(sg.waiting) >= limit {
		return false
	}
	sg.waiting = append(sg.waiting, s)
	return true
}

func (sg *signaller) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-sg.woken:
		}
		for message := sg.take(); message != nil && ctx.Err() == nil; message = sg.take() {
			sg.broker.send(ctx, message)
			pause(ctx, time.Now().Add(sendPace))
		}
	}
}

// take makes the next message of the signals that wait; nil is none. A signal that is too
// large for a message is dropped.
func (sg *signaller) take() []byte {
	sg.mu.Lock()
	defer sg.mu.Unlock()
	limit := min(maxSignalsMessage, sg.broker.opts.Bus.Limit())
	for len(sg.waiting) > 0 {
		for n := len(sg.waiting); n > 0; n /= 2 {
			if message := encode(busObject{Signals: sg.waiting[:n]}); len(message) <= limit {
				sg.waiting = append(sg.waiting[:0], sg.waiting[n:]...)
				return message
			}
		}
		sg.broker.metrics.busDropped.Inc()
		sg.waiting = append(sg.waiting[:0], sg.waiting[1:]...)
	}
	return nil
}

// Signal gives a signal to the readers that it concerns, on all instances. It does not
// block.
func (b *Broker) Signal(s Signal) {
	b.heed(s)
	if b.opts.Bus != nil {
		b.signaller.add(s)
	}
}

// Renewed tells the streams of a session, on all instances, that the session was renewed:
// they look at once. It does not block.
func (b *Broker) Renewed(username, session string) {
	b.Signal(Signal{Kind: SignalRenewed, Username: username, Session: session})
}

// heed does what a signal asks for. It does not block.
func (b *Broker) heed(s Signal) {
	switch s.Kind {
	case SignalRenewed:
		b.heedRenewal(s)
		return
	case SignalCrowd:
		b.heedCrowd(s)
		return
	}
	if lane, known := laneOf(s.Kind); known && b.isFollowed(s) {
		now := time.Now()
		b.heedInRoom(newSignalFrame(s, lane, now), now)
	}
}

func (b *Broker) heedRenewal(s Signal) {
	for _, rd := range b.readersBy(s.Username, s.Session) {
		b.renewals.ask(rd)
	}
}

// readersBy are the readers of a user's session.
func (b *Broker) readersBy(username, session string) (readers []*reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for rd := range b.users[username] {
		if rd.credential.session == session {
			readers = append(readers, rd)
		}
	}
	return readers
}
