package stream

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// The portable path drives a reader by a goroutine of its own, through net/http
// and so on every system, over TLS and HTTP/2 alike.

// awaited is the driver of a reader that a goroutine waits for. It has room for
// one token: there is something to look at.
type awaited chan struct{}

func (a awaited) wake(*reader) { signal(a) }

// response is a response that stays open.
type response struct {
	ctx      context.Context
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

// write sends b and returns when the kernel has taken it. The deadline is lifted
// afterwards, because a connection that goes on after a clean end keeps it.
func (r *response) write(b []byte) (int, error) {
	if err := r.control.SetWriteDeadline(time.Now().Add(r.patience)); err != nil {
		return 0, err
	}
	if _, err := r.w.Write(b); err != nil {
		return 0, err
	}
	if err := r.control.Flush(); err != nil {
		return 0, err
	}
	return len(b), r.control.SetWriteDeadline(time.Time{})
}

// innermost is the writer that w and what it wraps stand before. Theirs may be a
// Flush that keeps its error to itself, and then a socket that stayed full would look
// like a client that went: net/http ends the request for either.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

func (r *response) chunked() bool { return false } // net/http does it
func (r *response) full() bool    { return false } // a write waits for room
func (r *response) gone() bool    { return r.ctx.Err() != nil }

// desks are lent to goroutines for one step at a time, so that a stream that
// sleeps holds none.
var desks = sync.Pool{New: func() any { return new(desk) }}

// follow drives the reader until something ends the stream.
func (rd *reader) follow(ctx context.Context, woken awaited, reset string) reason {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	d := desks.Get().(*desk)
	more, why := true, rd.begin(d, nil, reset)
	for why == "" {
		if !more {
			desks.Put(d)
			alarm.Reset(time.Until(rd.alarm))
			select {
			case <-woken:
			case <-alarm.C:
			case <-ctx.Done():
			}
			d = desks.Get().(*desk)
		}
		more, why = rd.step(d, time.Now())
	}
	desks.Put(d)
	return why
}
