package main

import (
	"bytes"
	"strconv"
)

// form checks the form of a stream of server-sent events from its first byte:
// HTTP/1.1 chunks (RFC 9112, section 7.1), and in them blocks of lines (WHATWG
// HTML, section 9.2.5) with ids that grow. It is told only what arrived so far,
// in pieces of any size.
type form struct {
	// next takes a line, or so many bytes, of the layer below events.
	next state
	line []byte
	// left is how many bytes of the chunk have not come.
	left int
	// event is the line that has begun, and what its block holds.
	event []byte
	id    int64
	named bool
	data  int
}

// state is what a response's next bytes belong to.
type state int

const (
	inHead state = iota
	inSize
	inChunk
	atEndOfChunk
	ended
)

// take returns how many breaches there are in what arrived.
func (s *form) take(b []byte) (breaches int) {
	for len(b) > 0 {
		if s.next == inChunk {
			n := min(s.left, len(b))
			breaches += s.takeEvents(b[:n])
			if s.left -= n; s.left == 0 {
				s.next = atEndOfChunk
			}
			b = b[n:]
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.line = append(s.line, b...)
			return breaches
		}
		s.line = append(s.line, b[:i+1]...)
		b = b[i+1:]
		breaches += s.takeLine(s.line)
		s.line = s.line[:0]
	}
	return breaches
}

// takeLine takes a line that stands between chunks, or before them.
func (s *form) takeLine(line []byte) (breaches int) {
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		breaches++
	}
	switch s.next {
	case inHead:
		if len(text) == 0 {
			s.next = inSize
		}
	case inSize:
		size, err := strconv.ParseUint(string(text), 16, 31)
		if err != nil {
			breaches++
		}
		if s.left, s.next = int(size), inChunk; size == 0 {
			s.next = ended
		}
	case atEndOfChunk:
		if len(text) > 0 {
			breaches++
		}
		s.next = inSize
	case ended:
		if len(text) > 0 {
			breaches++
		}
	}
	return breaches
}

func (s *form) takeEvents(b []byte) (breaches int) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.event = append(s.event, b...)
			return breaches
		}
		s.event = append(s.event, b[:i]...)
		breaches += s.takeField(s.event)
		s.event = s.event[:0]
		b = b[i+1:]
	}
}

// takeField takes a line of an event.
func (s *form) takeField(line []byte) (breaches int) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "": // a blank line ends the block, anything else is a comment
		if len(line) == 0 {
			s.data = 0
		}
		return 0
	case "data":
		if s.data++; s.data > 1 || bytes.Count(value, []byte{stampMark}) > 1 {
			return 1
		}
		return 0
	case "id":
		if len(value) == 0 {
			return 0 // r3labs' server says so where there is none
		}
		id, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || s.named && id <= s.id {
			return 1
		}
		s.id, s.named = id, true
		return 0
	case "event", "retry":
		return 0
	}
	return 1
}
