package stream

import (
	"context"
	"sync"
	"time"
)

// Signal tells of something that is not stored. It is live only, and the first to be
// dropped: nothing may depend on it but how soon something is noticed.
type Signal struct {
	Kind SignalKind `json:"kind"`
	// Username is the user that it is about.
	Username string `json:"username"`
	// Session is the one that was renewed.
	Session string `json:"session,omitzero"`
}

// SignalKind is what a [Signal] tells of. A kind that an instance does not know is of a
// newer release, and ignored.
type SignalKind string

// SignalRenewed says that a session was renewed. That one ended is no signal but an event.
const SignalRenewed SignalKind = "session.renewed"

const (
	// maxSignals is how many signals wait to be sent; those beyond are dropped.
	maxSignals = 256
	// maxSignalsMessage bounds a message of signals, in bytes, and signalPace is the least
	// time between two of them: together they bound what signals take of the bus.
	maxSignalsMessage = 4 << 10
	signalPace        = 10 * time.Millisecond
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
	sg.mu.Lock()
	full := len(sg.waiting) == maxSignals
	if !full {
		sg.waiting = append(sg.waiting, s)
	}
	sg.mu.Unlock()
	if full {
		sg.broker.metrics.busDropped.Inc()
		return
	}
	signal(sg.woken)
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
			pause(ctx, time.Now().Add(signalPace))
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

// Renewed tells the streams of a session, on all instances, that the session was renewed:
// they look at once. It does not block.
func (b *Broker) Renewed(username, session string) {
	s := Signal{Kind: SignalRenewed, Username: username, Session: session}
	b.heed(s)
	if b.opts.Bus != nil {
		b.signaller.add(s)
	}
}

// heed does what a signal asks for.
func (b *Broker) heed(s Signal) {
	if s.Kind != SignalRenewed {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for rd := range b.users[s.Username] {
		if rd.credential.session == s.Session {
			b.renewals.ask(rd)
		}
	}
}
