package stream

import (
	"context"
	"crypto/rand"
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
	// id names this instance in its beats.
	id string
	// woken has room for one: there is something to send.
	woken chan struct{}

	mu sync.Mutex
	// head is how far the log has come, sent how much of that the bus was told, and events
	// are what was committed between. Where they would be too many they are dropped, and
	// the head is sent alone, and so it is on a bus that carries no batches.
	head, sent int64
	events     []chat.Event
	// until is how long another instance is taken to be on the bus. Without one there is
	// nothing to tell but beats.
	until time.Time

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
	// beatEvery lies between two beats, and peerFor is how long an instance that beat last is
	// taken to be there: two of its beats may be lost.
	beatEvery = time.Second
	peerFor   = 3500 * time.Millisecond
)

// newPublisher makes a publisher that has heard of no other instance, and tells all there
// is until it would have.
func newPublisher(b *Broker, bus Bus) *publisher {
	return &publisher{broker: b, bus: bus, id: rand.Text(), woken: make(chan struct{}, 1), until: time.Now().Add(peerFor)}
}

// heardOf notes that another instance is on the bus, or may be. It does not block.
func (p *publisher) heardOf() {
	p.mu.Lock()
	p.until = time.Now().Add(peerFor)
	p.mu.Unlock()
	signal(p.woken)
}

// alone says whether no other instance was heard lately. It is called with the lock.
func (p *publisher) alone() bool { return time.Now().After(p.until) }

// committed has events sent. It does not block.
func (p *publisher) committed(events []chat.Event) {
	if len(events) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head = max(p.head, events[len(events)-1].Pos)
	if p.alone() {
		p.events = nil
		return
	}
	n := len(p.events)
	follows := n == 0 || p.events[n-1].Pos+1 == events[0].Pos
	if follows && n+len(events) <= maxUnsent && p.bus.Limit() >= minBatch {
		p.events = append(p.events, events...)
	} else {
		p.events = nil
	}
	signal(p.woken)
}

// run sends until ctx ends. It beats at once and then every second: an instance that hears
// it finds out what it missed, and that it is not alone; one that hears itself knows that
// the bus works.
func (p *publisher) run(ctx context.Context) {
	p.beat(ctx)
	beat := time.NewTimer(jitter(beatEvery))
	defer beat.Stop()
	for watched := (busWatch{broker: p.broker}); ; {
		select {
		case <-ctx.Done():
			return
		case <-p.woken:
		case <-beat.C:
			beat.Reset(jitter(beatEvery))
			watched.look()
			p.beat(ctx)
		}
		if message := p.take(); message != nil {
			p.broker.send(ctx, message)
		}
		pause(ctx, time.Now().Add(publishPace))
	}
}

// beat tells that this instance is there, and how far its tail has come.
func (p *publisher) beat(ctx context.Context) {
	p.broker.send(ctx, encode(busObject{From: p.id, Head: p.broker.position()}))
}

// take makes the next message of what waits; nil is none.
func (p *publisher) take() []byte {
	p.mu.Lock()
	if p.alone() {
		p.mu.Unlock()
		return nil
	}
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
