package client

import (
	"bytes"
	"errors"
	"io"
)

// maxFrame bounds a frame. The service keeps its own below 60 KiB.
const maxFrame = 1 << 20

var errFrameTooLong = errors.New("a frame of the stream is longer than 1 MiB")

// noID is put as the id into a frame that has none. It is no position.
const noID = "-"

// frames stands between a stream's body and r3labs/sse and passes on only what
// that can be trusted with:
//
//   - Whole frames. Left to itself it takes a frame that was cut by the end of the
//     connection for whole, its id included, and whoever resumed from that id would
//     never see the event. Here the blank line alone makes a frame.
//   - No comments and no empty frames, which it would pass on as events.
//   - An id in every frame: [noID] where the service sent none. It would put the
//     id of an earlier frame there, so that a signal could not be told from a row
//     of the log.
//   - "\n" as the end of every line, of the three that WHATWG allows, and no byte
//     order mark.
type frames struct {
	body io.ReadCloser
	// before and after are called around each read of body.
	before, after func()

	in      [4096]byte
	out     []byte // whole frames that have not been read yet
	frame   []byte // the whole lines of the frame under way
	line    []byte // the line under way
	hasID   bool   // frame has an id
	afterCR bool   // an "\n" now belongs to the line before it
	begun   bool   // the first line has been seen
	err     error
}

// Read implements [io.Reader].
func (f *frames) Read(p []byte) (int, error) {
	for len(f.out) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.before()
		n, err := f.body.Read(f.in[:])
		f.after()
		f.out, f.err = f.out[:0], err
		f.take(f.in[:n])
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// Close closes the body.
func (f *frames) Close() error { return f.body.Close() }

// take cuts what came in into lines. A "\r" ends a line at once, whatever comes
// next, for that may be a long time coming.
func (f *frames) take(in []byte) {
	for len(in) > 0 {
		if f.afterCR && in[0] == '\n' {
			in = in[1:]
		}
		f.afterCR = false
		i := bytes.IndexAny(in, "\r\n")
		if i < 0 {
			i = len(in)
		}
		f.line = append(f.line, in[:i]...)
		if len(f.frame)+len(f.line) > maxFrame {
			f.err = errFrameTooLong
			return
		}
		if i == len(in) {
			return
		}
		f.afterCR = in[i] == '\r'
		f.endLine()
		in = in[i+1:]
	}
}

func (f *frames) endLine() {
	line := f.line
	f.line = f.line[:0]
	if !f.begun {
		f.begun = true
		line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	}
	switch {
	case len(line) == 0:
		f.endFrame()
	case line[0] == ':':
	default:
		f.hasID = f.hasID || bytes.HasPrefix(line, []byte("id:"))
		f.frame = append(append(f.frame, line...), '\n')
	}
}

func (f *frames) endFrame() {
	if len(f.frame) > 0 {
		f.out = append(f.out, f.frame...)
		if !f.hasID {
			f.out = append(f.out, "id:"+noID+"\n"...)
		}
		f.out = append(f.out, '\n')
	}
	f.frame, f.hasID = f.frame[:0], false
}
