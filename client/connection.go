package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/r3labs/sse/v2"
)

var (
	// errSilent is why a connection that sent nothing for too long was given up.
	errSilent = errors.New("the stream was silent for too long")
	// errEnded is why a connection is over that the service, or something between,
	// closed cleanly. Only a bye says that the stream itself has ended.
	errEnded = errors.New("the stream was closed")
	// errNoStream is the kind of an answer that is neither a stream nor a refusal.
	errNoStream = errors.New("the answer is no event stream")
)

// connection is one request for a stream and its answer.
type connection struct {
	// frames are the stream's, in order and without a hole up to its close. Their
	// sender closes it.
	frames chan *sse.Event
	// err is why the connection is over. It may be read when frames is closed.
	err    error
	cancel context.CancelCauseFunc
}

// connect opens the stream at url, after lastID if that is not empty. It never
// fails: a connection that could not be made is one that is over.
func (c *Client) connect(ctx context.Context, url, token, lastID string) *connection {
	ctx, cancel := context.WithCancelCause(ctx)
	conn := &connection{frames: make(chan *sse.Event), cancel: cancel}
	go func() {
		defer close(conn.frames)
		conn.err = c.subscribe(ctx, cancel, conn.frames, url, token, lastID)
	}()
	return conn
}

// close ends the connection and returns when nothing of it is left.
func (conn *connection) close() {
	conn.cancel(context.Canceled)
	for range conn.frames {
	}
}

// subscribe runs r3labs/sse for one connection. Its own reconnecting is turned
// off: it ends for good at a clean end, and its waits grow and never shrink.
func (c *Client) subscribe(ctx context.Context, cancel context.CancelCauseFunc, out chan<- *sse.Event, url, token, lastID string) error {
	c.leaveDead()
	silence := time.AfterFunc(c.silence, func() {
		c.lost.Store(true)
		cancel(errSilent)
	})
	defer silence.Stop()

	s := sse.NewClient(url, sse.ClientMaxBufferSize(2*maxFrame))
	s.ReconnectStrategy = never{}
	s.Connection = c.streaming()
	// A proxy that may compress will also hold back.
	s.Headers["Accept-Encoding"] = "identity"
	if token != "" {
		s.Headers["Authorization"] = "Bearer " + token
	}
	if lastID != "" {
		s.Headers["Last-Event-ID"] = lastID
	}
	s.ResponseValidator = func(_ *sse.Client, resp *http.Response) error {
		if err := c.streamOf(resp); err != nil {
			resp.Body.Close()
			return err
		}
		silence.Stop()
		resp.Body = &frames{
			body: resp.Body,
			// Only waiting for the service counts, not for the reader.
			before: func() { silence.Reset(c.silence) },
			after:  func() { silence.Stop() },
		}
		return nil
	}
	err := s.SubscribeRawWithContext(ctx, func(e *sse.Event) { deliver(ctx, out, e) })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return errEnded
	}
	return err
}

// deliver hands e to the reader, or drops it where ctx has ended. Once a frame
// was dropped, all that follow must be: select alone would choose by chance, and
// a frame delivered behind the gap would hide it.
func deliver(ctx context.Context, out chan<- *sse.Event, e *sse.Event) {
	if ctx.Err() != nil {
		return
	}
	select {
	case out <- e:
	case <-ctx.Done():
	}
}

// streaming is the HTTP client without its Timeout, which would also count the
// life of a stream.
func (c *Client) streaming() *http.Client {
	h := *c.http
	h.Timeout = 0
	return &h
}

// streamOf says why resp is no stream, or nil.
func (c *Client) streamOf(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxFrame))
		if err != nil {
			return &unanswered{err}
		}
		return c.problemOf(resp, body)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "text/event-stream" {
		return fmt.Errorf("%w but %q", errNoStream, media)
	}
	return nil
}

// never is the strategy of reconnecting that does not.
type never struct{}

// NextBackOff answers what r3labs/sse's back-off package calls Stop.
func (never) NextBackOff() time.Duration { return -1 }

// Reset does nothing.
func (never) Reset() {}
