package stream

import (
	"container/heap"
	"context"
	"runtime"
	"sync"
	"time"
)

// The fast path drives readers without a goroutine each. An event loop steps those that
// were woken or whose alarm is due, one after another. A step writes everything that its
// reader lacks, so a loop that falls behind writes more at a time and catches up.

// socket is a connection that was hijacked from net/http and whose writes never wait.
type socket interface {
	conn
	// register has the event loop wake the reader when the socket has room again and
	// when the client sends something or goes.
	register(*eventLoop, *reader) error
}

// eventLoop is the driver of the readers whose connections it has hijacked.
type eventLoop struct {
	broker *Broker
	// woken has room for one token: the queue is not empty.
	woken chan struct{}

	mu    sync.Mutex
	queue []*reader
	// poller is nil before there is a socket to watch.
	poller *poller

	// These belong to the event loop's goroutine.

	emptied   []*reader // becomes the queue when the queue is taken
	timerHeap timerHeap
	scratch   scratch
}

// slot is what an event loop notes of a reader.
type slot struct {
	// added says that the event loop drives the reader, queued that the reader stands in
	// the queue; the event loop's mutex guards them.
	added, queued bool
	// ended says that the stream is over; index is the reader's place in the heap, from 1
	// up, and alarm its time there. They belong to the event loop's goroutine.
	ended bool
	index int
	alarm time.Time
}

// eventLoops is how many event loops there are: fewer than cores, because posts need
// the others.
func eventLoops() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func newEventLoop(b *Broker) *eventLoop {
	return &eventLoop{broker: b, woken: make(chan struct{}, 1)}
}

// add begins to drive a reader, which has its connection.
func (l *eventLoop) add(rd *reader) {
	l.mu.Lock()
	rd.slot.added = true
	l.mu.Unlock()
	l.wake(rd)
}

// endBy does nothing: no write waits for room, and a reader whose time has come is due
// by its alarm.
func (l *eventLoop) endBy(time.Time) {}

// wake puts the reader into the queue, once it is added.
func (l *eventLoop) wake(rd *reader) {
	l.mu.Lock()
	added := l.enqueue(rd)
	l.mu.Unlock()
	l.queued(added)
}

// wakeAll puts readers into the queue, those that are added.
func (l *eventLoop) wakeAll(readers []*reader) {
	added := 0
	l.mu.Lock()
	for _, rd := range readers {
		added += l.enqueue(rd)
	}
	l.mu.Unlock()
	l.queued(added)
}

// enqueue puts a reader into the queue, unless it stands there or is not added yet, and says how
// many that were. The event loop's mutex is held.
func (l *eventLoop) enqueue(rd *reader) int {
	if !rd.slot.added || rd.slot.queued {
		return 0
	}
	rd.slot.queued = true
	l.queue = append(l.queue, rd)
	return 1
}

// queued makes the event loop look at the readers that were put into its queue.
func (l *eventLoop) queued(readers int) {
	if readers > 0 {
		l.broker.backlog.add(readers)
		signal(l.woken)
	}
}

// run steps readers until ctx ends, which is after the last stream has.
func (l *eventLoop) run(ctx context.Context) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if len(l.timerHeap) > 0 {
			alarm.Reset(time.Until(l.timerHeap[0].slot.alarm))
		}
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		case <-l.woken:
		}
		now := time.Now()
		woken := l.take()
		for _, rd := range woken {
			l.step(rd, now)
			l.broker.backlog.stepped()
		}
		clear(woken)
		l.emptied = woken[:0]
		for len(l.timerHeap) > 0 && !now.Before(l.timerHeap[0].slot.alarm) {
			l.step(l.timerHeap[0], now)
		}
	}
}

// take empties the queue.
func (l *eventLoop) take() []*reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.queue
	l.queue = l.emptied
	for _, rd := range taken {
		rd.slot.queued = false
	}
	return taken
}

// step steps one reader, and ends its stream if that is due.
func (l *eventLoop) step(rd *reader, now time.Time) {
	if rd.slot.ended {
		return
	}
	more, why := rd.step(&l.scratch, now)
	switch {
	case why != "":
		l.end(rd, why)
		return
	case more:
		l.wake(rd)
	}
	l.timerHeap.set(rd, rd.alarm)
}

// end ends a stream.
func (l *eventLoop) end(rd *reader, why reason) {
	rd.slot.ended = true
	l.timerHeap.drop(rd)
	l.broker.end(rd, why)
}

// timerHeap is a heap of readers by their alarms.
type timerHeap []*reader

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].slot.alarm.Before(h[j].slot.alarm) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot.index, h[j].slot.index = i+1, j+1
}

func (h *timerHeap) Push(rd any) {
	*h = append(*h, rd.(*reader))
	(*h)[len(*h)-1].slot.index = len(*h)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	rd := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	rd.slot.index = 0
	return rd
}

// set sets a reader's alarm.
func (h *timerHeap) set(rd *reader, at time.Time) {
	switch {
	case rd.slot.index == 0:
		rd.slot.alarm = at
		heap.Push(h, rd)
	case !at.Equal(rd.slot.alarm):
		rd.slot.alarm = at
		heap.Fix(h, rd.slot.index-1)
	}
}

// drop takes a reader out of the heap.
func (h *timerHeap) drop(rd *reader) {
	if rd.slot.index != 0 {
		heap.Remove(h, rd.slot.index-1)
	}
}
