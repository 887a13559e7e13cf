package stream

import (
	"sync/atomic"
	"time"
)

// output is a reader's way to its client. It belongs to the reader's driver.
type output struct {
	conn conn
	// halted says that the socket was full when it was last written to, or that it is
	// being written to. Any goroutine may look.
	halted atomic.Bool

	// rest is what is left of a frame that the socket took a part of. stalled is
	// since when the socket is full; zero while it is not.
	rest    []byte
	stalled time.Time
	// parting is why the stream ends as soon as its last frame, which the socket took
	// in part, is out. Where rights ended, it ends without that at partBy.
	parting reason
	partBy  time.Time

	// held is the id that the client holds.
	held int64
	// ready says that the frame of that name was written.
	ready bool
	// events counts the durable events written.
	events int64
}

// give writes to the connection. The reader is halted meanwhile too: whether a write
// waits for room cannot be seen from outside.
func (o *output) give(b []byte) (int, error) {
	o.halted.Store(true)
	n, err := o.conn.write(b)
	o.halted.Store(n < len(b))
	return n, err
}

// put writes what has to come whole: the rest of it comes before everything else.
func (o *output) put(b []byte) reason {
	if len(b) == 0 {
		return ""
	}
	n, err := o.give(b)
	if err != nil {
		return failed(err)
	}
	if n < len(b) {
		o.keepRest(b[n:])
	}
	return ""
}

// offer writes what may be dropped as a whole: nothing of it is kept if the socket takes
// nothing.
func (o *output) offer(b []byte) reason {
	n, err := o.give(b)
	if err != nil {
		return failed(err)
	}
	if 0 < n && n < len(b) {
		o.keepRest(b[n:])
	}
	return ""
}

// keepRest keeps what a full socket has left of a frame.
func (o *output) keepRest(rest []byte) {
	o.rest = append([]byte(nil), rest...)
	o.stalled = time.Now()
}

// finishFrame goes on with a socket that was full.
func (o *output) finishFrame(now time.Time) reason {
	if o.stalled.IsZero() || o.conn.full() {
		return ""
	}
	if len(o.rest) > 0 {
		n, err := o.give(o.rest)
		if err != nil {
			return failed(err)
		}
		if n > 0 {
			o.stalled = now
		}
		if n < len(o.rest) {
			o.rest = o.rest[n:]
			return ""
		}
		o.rest = nil
	}
	o.stalled = time.Time{}
	return ""
}

// appendPiece appends a piece of the body as it goes to the connection.
func (o *output) appendPiece(dst, piece []byte) []byte {
	if len(piece) > 0 && o.conn.chunked() {
		return appendChunk(dst, piece)
	}
	return append(dst, piece...)
}
