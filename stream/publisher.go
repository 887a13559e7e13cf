package stream

import (
	"context"
	"sync"
	"time"

	"parley/chat"
)

// publisher sends to the bus what the instance has committed. While one message is on its
// way the next one gathers, so that a slow bus carries fewer and larger ones, and nobody
// waits for it.
type publisher struct {
	broker *Broker
	bus    Bus
	// woken has room for one: there is something to send.
	woken chan struct{}

	mu sync.Mutex
	// head is how far the log has come, sent how much of that the bus was told, and events
	// are what was committed between. Where they would be too many they are dropped, and
	// the head is sent alone, and so it is on a bus that carries no batches.
	head, sent int64
	events     []chat.Event

	// scratch is the message that is being made.
	scratch []byte
}

const (
	// maxUnsent is how many events wait to be sent, maxBatch how many bytes their message may
	// have.
	maxUnsent = 1024
	maxBatch  = 256 << 10
	// sendFor bounds the sending of one message.
	sendFor = 2 * time.Second
	// publishPace is the least time between two messages. It keeps them few on an instance
	// that commits a thousand times a second, and is less than a reader would notice.
	publishPace = time.Millisecond
)

func newPublisher(b *Broker, bus Bus) *publisher {
	return &publisher{broker: b, bus: bus, woken: make(chan struct{}, 1)}
}

// committed has events sent. It does not block.
func (p *publisher) committed(events []chat.Event) {
	if len(events) == 0 {
		return
	}
	p.mu.Lock()
	n := len(p.events)
	follows := n == 0 || p.events[n-1].Pos+1 == events[0].Pos
	if follows && n+len(events) <= maxUnsent && p.bus.Limit() >= minBatch {
		p.events = append(p.events, events...)
	} else {
		p.events = nil
	}
	p.head = max(p.head, events[len(events)-1].Pos)
	p.mu.Unlock()
	signal(p.woken)
}

// run sends until ctx ends. Once a poll interval it repeats how far the tail has come: an
// instance that hears it finds out what it missed, and one that hears itself knows that the
// bus works.
func (p *publisher) run(ctx context.Context) {
	beat := time.NewTimer(jitter(p.broker.opts.Poll))
	defer beat.Stop()
	for watched := (busWatch{broker: p.broker}); ; {
		select {
		case <-ctx.Done():
			return
		case <-p.woken:
		case <-beat.C:
			beat.Reset(jitter(p.broker.opts.Poll))
			watched.look()
			p.repeat(p.broker.position())
		}
		if message := p.take(); message != nil {
			p.broker.send(ctx, message)
		}
		pause(ctx, time.Now().Add(publishPace))
	}
}

// repeat has a position sent again.
func (p *publisher) repeat(pos int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head, p.sent = max(p.head, pos), -1
}

// take makes the next message of what waits; nil is none.
func (p *publisher) take() []byte {
	p.mu.Lock()
	events, head := p.events, p.head
	nothing := p.sent == head
	p.events, p.sent = nil, head
	p.mu.Unlock()
	if nothing {
		return nil
	}
	if n := len(events); n > 0 && events[n-1].Pos == head {
		message, fits := appendBatch(p.scratch[:0], events, min(p.bus.Limit(), maxBatch))
		p.scratch = message
		if fits {
			return message
		}
	}
	p.scratch = appendHead(p.scratch[:0], head)
	return p.scratch
}

// send hands a message to the bus. Nothing is lost with one that fails but time.
func (b *Broker) send(ctx context.Context, message []byte) {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	if err := b.opts.Bus.Send(ctx, message); err != nil {
		b.metrics.busFailed.Inc()
		return
	}
	b.metrics.busSent.Inc()
}

// busWatch logs when the bus goes down and when it is back.
type busWatch struct {
	broker *Broker
	down   bool
}

func (w *busWatch) look() {
	err := w.broker.opts.Bus.Down()
	if down := err != nil; down != w.down {
		w.down = down
		if down {
			w.broker.opts.Log.Warn("the bus is down; what other instances commit is noticed later", "error", err)
		} else {
			w.broker.opts.Log.Info("the bus is up")
		}
	}
}
