package stream

import (
	"container/heap"
	"context"
	"runtime"
	"sync"
	"time"
)

// The fast path drives readers without a goroutine each. A writer steps those that
// were woken or whose clock is due, one after another; what one of them is written
// is all that it lacks, so a writer that falls behind writes more at a time and
// catches up.

// socket is a connection that was taken over from net/http.
type socket interface {
	conn
	// attach has the writer wake the reader when the socket has room again and when
	// the client sends something or goes.
	attach(*writer, *reader) error
	// close ends the connection; it returns at once.
	close(why reason)
}

// writer is the driver of the readers whose connections were taken over.
type writer struct {
	broker *Broker
	// woken has room for one: somebody is in the queue.
	woken chan struct{}

	mu    sync.Mutex
	queue []*reader
	// poller is nil before there is a socket to watch.
	poller *poller

	// These belong to the writer's goroutine.

	spare []*reader // becomes the queue
	clock clock
	desk  desk
}

// slot is what a writer notes of a reader.
type slot struct {
	// adopted says that the writer drives the reader, queued that it stands in the
	// queue; the writer's mutex guards them.
	adopted, queued bool
	// ended says that its stream is over; index is its place in the clock, from 1 up,
	// and alarm for when. They belong to the writer's goroutine.
	ended bool
	index int
	alarm time.Time
}

// writers is how many writers there are: fewer than cores, because on a machine
// that is all writers nobody is left to post.
func writers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func newWriter(b *Broker) *writer {
	return &writer{broker: b, woken: make(chan struct{}, 1)}
}

// adopt begins to drive a reader, which has its connection.
func (w *writer) adopt(rd *reader) {
	w.mu.Lock()
	rd.slot.adopted = true
	w.mu.Unlock()
	w.wake(rd)
}

// wake puts the reader into the queue, once it is adopted.
func (w *writer) wake(rd *reader) {
	w.mu.Lock()
	first := rd.slot.adopted && !rd.slot.queued
	if first {
		rd.slot.queued = true
		w.queue = append(w.queue, rd)
	}
	w.mu.Unlock()
	if first {
		signal(w.woken)
	}
}

// run steps readers until ctx ends, by which time they all have.
func (w *writer) run(ctx context.Context) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if len(w.clock) > 0 {
			alarm.Reset(time.Until(w.clock[0].slot.alarm))
		}
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		case <-w.woken:
		}
		now := time.Now()
		woken := w.take()
		for _, rd := range woken {
			w.step(rd, now)
		}
		clear(woken)
		w.spare = woken[:0]
		for len(w.clock) > 0 && !now.Before(w.clock[0].slot.alarm) {
			w.step(w.clock[0], now)
		}
	}
}

// take empties the queue.
func (w *writer) take() []*reader {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.queue
	w.queue = w.spare
	for _, rd := range taken {
		rd.slot.queued = false
	}
	return taken
}

// step steps one reader, and ends its stream if that is due.
func (w *writer) step(rd *reader, now time.Time) {
	if rd.slot.ended {
		return
	}
	more, why := rd.step(&w.desk, now)
	switch {
	case why != "":
		w.end(rd, why)
		return
	case more:
		w.wake(rd)
	}
	w.clock.set(rd, rd.alarm)
}

// end ends a stream.
func (w *writer) end(rd *reader, why reason) {
	rd.slot.ended = true
	w.clock.drop(rd)
	rd.conn.(socket).close(why)
	w.broker.ended(rd, why)
}

// clock is a heap of readers by when they next have to be stepped.
type clock []*reader

func (c clock) Len() int           { return len(c) }
func (c clock) Less(i, j int) bool { return c[i].slot.alarm.Before(c[j].slot.alarm) }
func (c clock) Swap(i, j int) {
	c[i], c[j] = c[j], c[i]
	c[i].slot.index, c[j].slot.index = i+1, j+1
}

func (c *clock) Push(rd any) {
	*c = append(*c, rd.(*reader))
	(*c)[len(*c)-1].slot.index = len(*c)
}

func (c *clock) Pop() any {
	last := len(*c) - 1
	rd := (*c)[last]
	(*c)[last] = nil
	*c = (*c)[:last]
	rd.slot.index = 0
	return rd
}

// set sets a reader's alarm.
func (c *clock) set(rd *reader, at time.Time) {
	switch {
	case rd.slot.index == 0:
		rd.slot.alarm = at
		heap.Push(c, rd)
	case !at.Equal(rd.slot.alarm):
		rd.slot.alarm = at
		heap.Fix(c, rd.slot.index-1)
	}
}

// drop takes a reader out of the clock.
func (c *clock) drop(rd *reader) {
	if rd.slot.index != 0 {
		heap.Remove(c, rd.slot.index-1)
	}
}
