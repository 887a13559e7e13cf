package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// listener is a stream that notes when each frame with a name came.
type listener struct {
	conn    *httpConn
	reading sync.WaitGroup
	closing atomic.Bool
	// first is closed with the first frame.
	first chan struct{}
	err   error

	mu    sync.Mutex
	heard []time.Time
}

// listen opens a stream and waits until it is ready.
func listen(ctx context.Context, address, token, path, event string) (*listener, error) {
	w, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	lines, err := w.open(path, token, "now")
	if err == nil {
		_, err = untilReady(lines)
	}
	if err == nil {
		err = w.conn.SetDeadline(time.Time{})
	}
	if err != nil {
		return nil, errors.Join(err, w.reset())
	}
	l := &listener{conn: w, first: make(chan struct{})}
	l.reading.Go(func() {
		for lines.Scan() {
			if lines.Text() == "event: "+event {
				l.note(time.Now())
			}
		}
		if !l.closing.Load() {
			l.err = errors.Join(fmt.Errorf("the server ended a stream that counts %s", event), lines.Err())
		}
	})
	return l, nil
}

func (l *listener) note(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard = append(l.heard, at); len(l.heard) == 1 {
		close(l.first)
	}
}

// awaitFirst waits for the first frame.
func (l *listener) awaitFirst(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.first:
		return nil
	case <-time.After(answerWithin):
		return errors.New("a reader is shown nothing")
	}
}

// since are the times from one on at which frames came.
func (l *listener) since(from time.Time) (heard []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.heard {
		if !at.Before(from) {
			heard = append(heard, at)
		}
	}
	return heard
}

// close ends the stream. It fails if the server has ended it before. A nil listener is none.
func (l *listener) close() error {
	if l == nil {
		return nil
	}
	l.closing.Store(true)
	err := l.conn.reset()
	l.reading.Wait()
	return errors.Join(err, l.err)
}

// mostASecond is the most frames a second, in windows of one second, of two, and so on. A
// window begins with a frame that does not count: frames that are a second apart stand on
// both edges, and a window of one second then holds two of them. A window is whole seconds
// because a frame that is late on its way is nearer to the one behind it than it was sent.
func mostASecond(heard []time.Time) (most float64) {
	for i, from := range heard {
		for behind, at := range heard[i+1:] {
			window := max(math.Ceil(at.Sub(from).Seconds()), 1)
			most = max(most, float64(behind+1)/window)
		}
	}
	return most
}
