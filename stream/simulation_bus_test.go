package stream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// simBus is a bus that loses, repeats, delays and reorders what it carries, and is down at
// times.
type simBus struct {
	fates fates
	ends  []*simBusEnd
	// owns says that the bus tells where it lost something.
	owns bool

	mu   sync.Mutex
	down bool
	// kind makes it carry everything at once.
	kind bool
}

// simBusEnd is the bus as one instance has it.
type simBusEnd struct {
	bus   *simBus
	index int
	limit int
	woken chan struct{}

	mu sync.Mutex
	// inbox is what has arrived; nil is a message too.
	inbox [][]byte
	sent  uint64
}

func newSimBus(f fates, limits []int, owns bool) *simBus {
	b := &simBus{fates: f, owns: owns}
	for i, limit := range limits {
		b.ends = append(b.ends, &simBusEnd{bus: b, index: i, limit: limit, woken: make(chan struct{}, 1)})
	}
	return b
}

var errSimBus = errors.New("the bus is down")

// set makes the bus go down or come up. Its ends are told when it is up again.
func (b *simBus) set(down, kind bool) {
	b.mu.Lock()
	up := b.down && !down
	b.down, b.kind = down, kind
	b.mu.Unlock()
	for _, e := range b.ends {
		if up {
			e.push(nil)
		}
	}
}

// lost has all ends told that something was lost, where the bus tells.
func (b *simBus) lost() {
	for _, e := range b.ends {
		if b.owns {
			e.push(nil)
		}
	}
}

func (b *simBus) state() (down, kind bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down, b.kind
}

func (e *simBusEnd) Limit() int { return e.limit }

func (e *simBusEnd) Down() error {
	if down, _ := e.bus.state(); down {
		return errSimBus
	}
	return nil
}

func (e *simBusEnd) Send(ctx context.Context, message []byte) error {
	e.mu.Lock()
	e.sent++
	rnd := e.bus.fates.of(uint64(e.index), e.sent)
	e.mu.Unlock()
	message = slices.Clone(message)
	down, kind := e.bus.state()
	if !kind && rnd.IntN(8) == 0 {
		pause(ctx, time.Now().Add(time.Duration(rnd.Int64N(int64(3*time.Second)))))
		down = down || rnd.IntN(2) == 0
	}
	if down || ctx.Err() != nil {
		e.bus.lost()
		return errSimBus
	}
	for _, to := range e.bus.ends {
		copies := 1
		var delay int64
		switch {
		case to == e && (kind || rnd.IntN(4) > 0): // as a rule nobody hears itself
			continue
		case !kind:
			copies = []int{0, 0, 1, 1, 1, 1, 2}[rnd.IntN(7)]
			delay = []int64{0, 0, int64(time.Millisecond), int64(20 * time.Millisecond), int64(3 * time.Second)}[rnd.IntN(5)]
		}
		if copies == 0 && e.bus.owns {
			to.deliver(nil, time.Duration(rnd.Int64N(int64(time.Second))))
		}
		for range copies {
			to.deliver(message, time.Duration(rnd.Int64N(delay+1)))
		}
	}
	return nil
}

// deliver lets a message arrive after a while.
func (e *simBusEnd) deliver(message []byte, after time.Duration) {
	message = slices.Clone(message)
	if after == 0 {
		e.push(message)
		return
	}
	time.AfterFunc(after, func() { e.push(message) })
}

func (e *simBusEnd) push(message []byte) {
	e.mu.Lock()
	e.inbox = append(e.inbox, message)
	e.mu.Unlock()
	signal(e.woken)
}

func (e *simBusEnd) take() [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.inbox
	e.inbox = nil
	return taken
}

func (e *simBusEnd) Receive(ctx context.Context, receive func([]byte)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.woken:
		}
		for _, message := range e.take() {
			receive(message)
			for i := range message {
				message[i] = '#' // what was received is not kept
			}
		}
	}
}
