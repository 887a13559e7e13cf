package stream

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// The portable path drives a reader by a goroutine of its own, and so on every system,
// over TLS and HTTP/2 alike. What it writes to is a connection of HTTP/1 that was
// [hijackedConn], or else a [response] of net/http's.

// awaited is the driver of a reader that a goroutine waits for. It has room for
// one token: there is something to look at.
type awaited chan struct{}

func (a awaited) wake(*reader) { signal(a) }

// response is a response of net/http's that stays open.
type response struct {
	ctx      context.Context
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

// write sends b and returns when net/http has passed it on. The deadline is lifted
// afterwards, because HTTP/2 resets a stream at its deadline, also one on which nothing
// is being written.
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

// scratches are lent to goroutines for one step at a time, so that a stream that
// sleeps holds none.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// follow drives the reader, which has begun, until something ends the stream. left is
// closed when the client has gone, or is nil where woken says that too.
func (rd *reader) follow(woken awaited, left <-chan struct{}) reason {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		d := scratches.Get().(*scratch)
		more, why := rd.step(d, time.Now())
		scratches.Put(d)
		switch {
		case why != "":
			return why
		case more:
			continue
		}
		alarm.Reset(time.Until(rd.alarm))
		select {
		case <-woken:
		case <-alarm.C:
		case <-left:
		}
	}
}
