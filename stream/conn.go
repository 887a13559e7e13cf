package stream

import (
	"errors"
	"os"
)

// conn is where a reader's bytes go.
type conn interface {
	// write sends b and returns how many bytes were taken. Fewer than all, without
	// an error, means that there is no room for more at present; a connection that
	// waits for room never returns fewer. os.ErrDeadlineExceeded means that there
	// was none for [Options.Patience], any other error that the client is gone.
	write(b []byte) (int, error)
	// chunked says whether what is written has to be in HTTP chunks.
	chunked() bool
	// full says that there was no room for all that was last written, and is not yet.
	full() bool
	// lags says that the client does not take what was written, so that a write of what may
	// be dropped could have to wait for room.
	lags() bool
	// gone says that the client has gone.
	gone() bool
	// close ends the connection, where it is not net/http's; it returns at once.
	close(why reason)
}

// maxStray is how many bytes a client may send on a stream, where it has nothing
// to say.
const maxStray = 64 << 10

// failed is the reason of an end by an error in writing.
func failed(err error) reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return reasonSlow
	}
	return reasonGone
}
