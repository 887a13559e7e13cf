package stream

import (
	"container/heap"
	"context"
	"runtime"
	"sync"
	"time"
)

// The fast path drives readers without a goroutine each. A event loop steps those that
// were woken or whose timerHeap is due, one after another; what one of them is written
// is all that it lacks, so a writer that falls behind writes more at a time and
// catches up.

// socket is a connection that was taken over from net/http.
type socket interface {
	conn
	// attach has the writer wake the reader when the socket has room again and when
	// the client sends something or goes.
	attach(*eventLoop, *reader) error
	// close ends the connection; it returns at once.
	close(why reason)
}

// writer is the driver of the readers whose connections were taken over.
type eventLoop struct {
	broker *Broker
	// woken has room for one: somebody is in the queue.
	woken chan struct{}

	mu    sync.Mutex
	queue []*reader
	// poller is nil before there is a socket to watch.
	poller *poller

	// These belong to the event loop's goroutine.

	spare     []*reader // becomes the queue
	timerHeap timerHeap
	scratch   scratch
}

// slot is what a event loop notes of a reader.
type slot struct {
	// adopted says that the event loop drives the reader, queued that it stands in the
	// queue; the event loop's mutex guards them.
	adopted, queued bool
	// ended says that its stream is over; index is its place in the timerHeap, from 1 up,
	// and alarm for when. They belong to the event loop's goroutine.
	ended bool
	index int
	alarm time.Time
}

// writers is how many writers there are: fewer than cores, because on a machine
// that is all writers nobody is left to post.
func eventLoops() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func newEventLoop(b *Broker) *eventLoop {
	return &eventLoop{broker: b, woken: make(chan struct{}, 1)}
}

// adopt begins to drive a reader, which has its connection.
func (l *eventLoop) adopt(rd *reader) {
	l.mu.Lock()
	rd.slot.adopted = true
	l.mu.Unlock()
	l.wake(rd)
}

// wake puts the reader into the queue, once it is adopted.
func (l *eventLoop) wake(rd *reader) {
	l.mu.Lock()
	first := rd.slot.adopted && !rd.slot.queued
	if first {
		rd.slot.queued = true
		l.queue = append(l.queue, rd)
	}
	l.mu.Unlock()
	if first {
		signal(l.woken)
	}
}

// wakeAll puts readers into the queue, those that are adopted.
func (l *eventLoop) wakeAll(readers []*reader) {
	first := false
	l.mu.Lock()
	for _, rd := range readers {
		if rd.slot.adopted && !rd.slot.queued {
			rd.slot.queued = true
			l.queue = append(l.queue, rd)
			first = true
		}
	}
	l.mu.Unlock()
	if first {
		signal(l.woken)
	}
}

// run steps readers until ctx ends, by which time they all have.
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
		}
		clear(woken)
		l.spare = woken[:0]
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
	l.queue = l.spare
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
	rd.conn.(socket).close(why)
	l.broker.ended(rd, why)
}

// timerHeap is a heap of readers by when they next have to be stepped.
type timerHeap []*reader

func (c timerHeap) Len() int           { return len(c) }
func (c timerHeap) Less(i, j int) bool { return c[i].slot.alarm.Before(c[j].slot.alarm) }
func (c timerHeap) Swap(i, j int) {
	c[i], c[j] = c[j], c[i]
	c[i].slot.index, c[j].slot.index = i+1, j+1
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

// drop takes a reader out of the timerHeap.
func (h *timerHeap) drop(rd *reader) {
	if rd.slot.index != 0 {
		heap.Remove(h, rd.slot.index-1)
	}
}
