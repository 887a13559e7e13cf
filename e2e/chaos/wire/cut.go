package wire

import "bytes"

// Cut ends one connection after an exact number of bytes of one direction.
type Cut struct {
	Direction Direction
	After     int64
	// Begin, where it is set, is what the client has to send before bytes are counted; the
	// first connection on which it does is the one.
	Begin []byte
	// Done is closed when the connection was cut.
	Done chan struct{}

	passed int64
}

// NewCut makes a cut that is yet to be armed.
func NewCut(d Direction, after int64, begin string) *Cut {
	c := &Cut{Direction: d, After: after, Done: make(chan struct{})}
	if begin != "" {
		c.Begin = []byte(begin)
	}
	return c
}

// Arm has the next connection cut, or with Begin the one on which that is sent next. Nil
// disarms. What was armed before and has not come is dropped.
func (p *Proxy) Arm(cut *Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.cut = nil
	}
	p.cut = cut
}

// Passed is how many bytes were counted so far.
func (p *Proxy) Passed(cut *Cut) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cut.passed
}

// cutting shortens part to what may pass, and says whether the connection is cut behind it.
func (c *conn) cutting(d Direction, part []byte) (_ []byte, cut bool) {
	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if armed := p.cut; d == Up && c.cut == nil && armed != nil && armed.Begin != nil && bytes.Contains(part, armed.Begin) {
		c.cut, p.cut = armed, nil
	}
	if c.cut == nil {
		return part, false
	}
	if d == c.cut.Direction {
		left := c.cut.After - c.cut.passed
		if int64(len(part)) >= left {
			part, cut = part[:left], true
		}
		c.cut.passed += int64(len(part))
	}
	if c.cut.After == 0 {
		cut = true // before the server has said anything, and what was asked may have arrived
	}
	if cut {
		close(c.cut.Done)
		c.cut = nil
	}
	return part, cut
}
