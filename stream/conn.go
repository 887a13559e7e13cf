package stream

import (
	"net/http"
	"time"
)

// conn is a response that stays open, through net/http and so on every system,
// over TLS and HTTP/2 alike.
type conn struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// writeTimeout is how long a write may make no progress before its reader counts
// as slow.
const writeTimeout = 10 * time.Second

// begin sends the head of the response with the first write. No proxy shall keep
// the stream back, store it or code it anew: nginx heeds X-Accel-Buffering, the
// others RFC 9111 section 5.2.2.
func (c conn) begin() {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Add("Vary", "Accept")
	c.w.WriteHeader(http.StatusOK)
}

// write sends b and returns when the kernel has taken it. The deadline is lifted
// afterwards, because a connection that goes on after a clean end keeps it.
func (c conn) write(b []byte) error {
	if err := c.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	if err := c.control.Flush(); err != nil {
		return err
	}
	return c.control.SetWriteDeadline(time.Time{})
}
