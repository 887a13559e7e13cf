package stream

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// The portable path drives a reader by a goroutine of its own, and so on every system,
// over TLS and HTTP/2 alike. What it writes to is a [hijackedConn] of HTTP/1, or
// else a [response] of net/http's. Their writes wait for room.

// scratches are lent to goroutines for one step at a time, so that a stream that
// sleeps holds none.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// follow drives the reader, which has begun, until something ends the stream. left is
// closed when the client has gone, or is nil where a wake-up says that too.
func (d *goroutineDriver) follow(rd *reader, left <-chan struct{}) reason {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		d.expires = rd.credential.expires
		sc := scratches.Get().(*scratch)
		more, why := rd.step(sc, time.Now())
		scratches.Put(sc)
		switch {
		case why != "":
			return why
		case more:
			continue
		}
		alarm.Reset(time.Until(rd.alarm))
		select {
		case <-d.woken:
		case <-alarm.C:
		case <-left:
		}
	}
}

// response is a response of net/http's that stays open.
type response struct {
	ctx     context.Context
	w       http.ResponseWriter
	control *http.ResponseController
	driver  *goroutineDriver
	// tcp is the connection under it, which other responses share; nil if it is not known.
	tcp *net.TCPConn
}

func newResponse(w http.ResponseWriter, r *http.Request, d *goroutineDriver) *response {
	control := http.NewResponseController(unwrap(w))
	// Without this net/http waits for the whole of a request's body first. It fails
	// where there is nothing to wait for.
	_ = control.EnableFullDuplex()
	d.setDeadline = control.SetWriteDeadline
	shared, ok := r.Context().Value(connKey{}).(acceptedConn)
	if ok {
		shared.limitUnsent()
		d.cut = shared.cut
	}
	return &response{r.Context(), w, control, d, shared.tcp}
}

// write sends b and returns when net/http has passed it on.
func (r *response) write(b []byte) (int, error) {
	return r.driver.write(func() (int, error) {
		if _, err := r.w.Write(b); err != nil {
			return 0, err
		}
		return len(b), r.control.Flush()
	})
}

// unwrap is the writer that w and what it wraps stand before. A wrapper's Flush may
// drop its error, and then a socket that stayed full would look like a client that
// went: net/http ends the request for either.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
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
func (r *response) lags() bool    { return unsent(r.tcp) > maxUnsentBytes }
func (r *response) gone() bool    { return r.ctx.Err() != nil }
func (r *response) close(reason)  {} // net/http does it when the handler returns
