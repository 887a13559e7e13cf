package stream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
)

// Options are a broker's settings. Zero values take the defaults named.
type Options struct {
	// Ping is how often an idle stream says that it lives, ± 10 %; 15 s.
	Ping time.Duration
	// Rotate is how long a stream lives at the most, ± 10 %; 1 h.
	Rotate time.Duration
	// Patience is how long a socket may stay full before its reader counts as slow;
	// 10 s.
	Patience time.Duration
	// Poll is how often the log's head is looked at without a hint, ± 10 %; 2 s.
	Poll time.Duration
	// RoomBytes is what a room keeps of its newest frames at the most, about, but for its
	// newest batch; 1 MiB.
	RoomBytes int
	// TotalBytes is what all rooms, and the parts of the log that were read for readers,
	// take together at the most, about; 64 MiB.
	TotalBytes int
	// Limits bound how many streams there are; they are not bounded by default.
	Limits Limits
	// Bus carries hints between the service's instances; nil where there is one.
	Bus Bus
	// Lease is held while the broker runs, and counts the streams of a user together with
	// other instances'; nil is an instance that is alone.
	Lease Lease
	// Portable has every stream driven by a goroutine of its own, also where an event loop
	// could drive it among others.
	Portable bool
	// Registerer takes the metrics; nil keeps them to the broker.
	Registerer prometheus.Registerer
	// Log takes a line for each stream that ended; nil drops them.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Ping, 15*time.Second)
	setDefault(&o.Rotate, time.Hour)
	setDefault(&o.Patience, 10*time.Second)
	setDefault(&o.Poll, 2*time.Second)
	setDefault(&o.RoomBytes, 1<<20)
	setDefault(&o.TotalBytes, 64<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Broker is what an instance knows of the streams that it serves: a registry of
// readers, memory, and a tail that moves both along the log. Its methods may be called by
// many goroutines at once.
type Broker struct {
	log      Log
	opts     Options
	metrics  *metrics
	tail     *tail
	renewals *renewals
	openings *openings
	// publisher and signaller send to the bus; they are nil where there is none.
	publisher *publisher
	signaller *signaller
	// leaseholder is nil where the instance is alone.
	leaseholder *leaseholder

	// loops drive the readers whose connections were hijacked; next counts them round.
	loops []*eventLoop
	next  atomic.Uint32
	// backlog is what the loops have left to do.
	backlog *backlog

	// hijacked counts the connections that streams have hijacked from net/http.
	hijacked atomic.Int64

	// readersDone and workDone are waited for by Drain and Close.
	readersDone sync.WaitGroup
	workDone    sync.WaitGroup
	// work ends with Close, leased with the first Drain.
	work, leased   context.Context
	stop, endLease context.CancelFunc

	mu sync.Mutex
	registry
	presence
	memory *memory
	// applied is the tail's position: whatever of the log is not behind it is in
	// the rooms that were open at the time. moved is told whenever it moves.
	applied int64
	moved   *sync.Cond
	// snapshot is the highest that the log's head was when what was applied was read. Where it is
	// ahead of applied, some of what is in the rooms is of messages as they were edited up to there.
	snapshot int64
	// lost are the parts of the log that it left out while this instance followed it.
	lost  []chat.Jump
	wakes wakes
	// rounds are the rooms that pass on signals; early are signals whose positions the tail
	// has yet to reach.
	rounds signalRounds
	early  []*signalFrame
	// reads are the parts of the log that are to be read; reading is how many
	// goroutines do.
	reads   *readQueue
	reading int
}

// New makes a broker. It does nothing before [Broker.Start].
func New(log Log, o Options) *Broker {
	o = o.withDefaults()
	b := &Broker{
		log:      log,
		opts:     o,
		metrics:  newMetrics(o.Registerer),
		registry: newRegistry(o.Limits),
		presence: newPresence(),
		memory:   newMemory(o.TotalBytes, o.RoomBytes),
		wakes:    make(wakes),
		reads:    newReadQueue(),
		rounds:   signalRounds{woken: make(chan struct{}, 1)},
	}
	b.moved = sync.NewCond(&b.mu)
	b.tail = newTail(b)
	b.renewals = newRenewals(b)
	b.openings = newOpenings(b)
	if o.Bus != nil {
		b.publisher, b.signaller = newPublisher(b, o.Bus), newSignaller(b)
	}
	if o.Lease != nil {
		b.leaseholder = newLeaseholder(b, o.Lease)
	}
	b.work, b.stop = context.WithCancel(context.Background())
	b.leased, b.endLease = context.WithCancel(b.work)
	n := eventLoops()
	b.backlog = newBacklog(n)
	for range n {
		b.loops = append(b.loops, newEventLoop(b))
	}
	return b
}

// Start reads the head and begins to follow the log. ctx bounds the start alone.
func (b *Broker) Start(ctx context.Context) error {
	_, head, err := b.log.After(ctx, chat.MaxPosition, 1)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.applied = head
	b.mu.Unlock()

	for _, l := range b.loops {
		b.workDone.Go(func() { l.run(b.work) })
	}
	b.workDone.Go(func() { b.tail.run(b.work) })
	b.workDone.Go(func() { b.renewals.run(b.work) })
	b.workDone.Go(func() { b.runRounds(b.work) })
	if bus := b.opts.Bus; bus != nil {
		b.workDone.Go(func() { bus.Receive(b.work, b.tail.hear) })
		b.workDone.Go(func() { b.publisher.run(b.work) })
		b.workDone.Go(func() { b.signaller.run(b.work) })
	}
	if b.leaseholder != nil {
		b.workDone.Go(func() { b.leaseholder.run(b.leased) })
	} else {
		b.workDone.Go(func() { b.tellOfPresence(b.leased) })
	}
	return nil
}

// Committed tells the broker what a log writer of this instance has committed, in
// order. It does not block. What comes of it is a hint like any other: repeated,
// reordered or lost, it changes nothing but the time at which readers hear.
func (b *Broker) Committed(events []chat.Event) {
	b.tail.offer(events)
	if b.publisher != nil {
		b.publisher.committed(events)
	}
}

// nextLoop is the event loop that the next connection goes to.
func (b *Broker) nextLoop() *eventLoop {
	return b.loops[int(b.next.Add(1))%len(b.loops)]
}

// Drain ends every stream with bye "shutdown", refuses new ones with
// chat.ErrUnavailable, and returns when all have ended. A write that waits for room
// delays that by 5 s at the most; an opening by what the [Log] takes.
func (b *Broker) Drain() {
	b.mu.Lock()
	b.drained = true
	for _, readers := range b.users {
		for rd := range readers {
			rd.driver.endBy(time.Now().Add(endingGrace))
			rd.wakeUp()
		}
	}
	b.mu.Unlock()
	// The streams come back elsewhere, where they count at once.
	b.endLease()
	b.readersDone.Wait()
}

// enter subscribes a reader to a room. The broker's mutex is held.
func (b *Broker) enter(key roomKey, sub *subscription) {
	b.memory.enter(key, b.applied, sub)
	sub.appear()
	b.metrics.rooms.Set(float64(len(b.memory.rooms)))
}

// leave ends a subscription. The broker's mutex is held.
func (b *Broker) leave(sub *subscription) {
	sub.disappear()
	b.memory.leave(sub)
	b.subscriptions--
	b.metrics.rooms.Set(float64(len(b.memory.rooms)))
}

// Close drains, and ends the broker's own work.
func (b *Broker) Close() error {
	b.Drain()
	b.stop()
	b.mu.Lock() // or one that is about to wait would miss it
	b.moved.Broadcast()
	b.mu.Unlock()
	for _, l := range b.loops {
		l.stopPolling()
	}
	b.workDone.Wait()
	return nil
}
