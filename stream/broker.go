package stream

import (
	"context"
	"log/slog"
	"sync"
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
	// Poll is how often the log's head is looked at without a hint, ± 10 %; 2 s.
	Poll time.Duration
	// RoomBytes is what a room keeps of its newest frames at the most; 256 KiB.
	RoomBytes int
	// TotalBytes is what all rooms together keep at the most; 64 MiB.
	TotalBytes int
	// Registerer takes the metrics; nil keeps them to the broker.
	Registerer prometheus.Registerer
	// Log takes a line for each stream that ended; nil drops them.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Ping, 15*time.Second)
	setDefault(&o.Rotate, time.Hour)
	setDefault(&o.Poll, 2*time.Second)
	setDefault(&o.RoomBytes, 256<<10)
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

// Broker holds the tail, the rooms and the readers of one instance. Its methods
// may be called by many goroutines at once.
type Broker struct {
	log      Log
	opts     Options
	metrics  *metrics
	tail     *tail
	renewals *renewals

	// catchingUp bounds how many readers read the log at once, so that a crowd
	// that was cut leaves the database to those who post.
	catchingUp chan struct{}

	// draining is closed when streams shall end.
	draining chan struct{}
	// readersDone and workDone are waited for by Drain and Close.
	readersDone sync.WaitGroup
	workDone    sync.WaitGroup
	stop        context.CancelFunc

	mu sync.Mutex
	// applied is the tail's position: whatever of the log is not behind it is in
	// the rooms that were open at the time.
	applied int64
	rooms   map[roomKey]*room
	bytes   int
	users   map[string]map[*reader]struct{}
	// arriving are the readers that opened at a head that the tail has yet to reach.
	arriving map[*reader]struct{}
	drained  bool
}

// maxCatchingUp is how many readers read the log at once.
const maxCatchingUp = 8

// New makes a broker. It does nothing before [Broker.Start].
func New(log Log, o Options) *Broker {
	b := &Broker{
		log:        log,
		opts:       o.withDefaults(),
		catchingUp: make(chan struct{}, maxCatchingUp),
		draining:   make(chan struct{}),
		rooms:      make(map[roomKey]*room),
		users:      make(map[string]map[*reader]struct{}),
		arriving:   make(map[*reader]struct{}),
	}
	b.metrics = newMetrics(b.opts.Registerer)
	b.tail = newTail(b)
	b.renewals = newRenewals(log)
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

	work, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.workDone.Go(func() { b.tail.run(work) })
	b.workDone.Go(func() { b.renewals.run(work) })
	return nil
}

// Committed tells the broker what a writer of this instance has committed, in
// order. It does not block. What comes of it is a hint like any other: repeated,
// reordered or lost, it changes nothing but the time at which readers hear.
func (b *Broker) Committed(events []chat.Event) { b.tail.offer(events) }

// Drain ends every stream with bye "shutdown", refuses new ones with
// chat.ErrUnavailable, and returns when all have ended, which takes no longer
// than a write's deadline.
func (b *Broker) Drain() {
	b.mu.Lock()
	if !b.drained {
		b.drained = true
		close(b.draining)
	}
	b.mu.Unlock()
	b.readersDone.Wait()
}

// Close drains, and ends the broker's own work.
func (b *Broker) Close() error {
	b.Drain()
	if b.stop != nil {
		b.stop()
	}
	b.workDone.Wait()
	return nil
}
