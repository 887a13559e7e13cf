package wire

import (
	"net"
	"sync"
	"time"
)

// conn is one connection through a proxy.
type conn struct {
	proxy *Proxy
	ends  [2]*net.TCPConn // the client's and the server's
	cut   *Cut            // guarded by the proxy's mutex
	once  sync.Once
	gone  chan struct{}
}

// close cuts both ends at once, without a farewell.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.gone)
		for _, end := range c.ends {
			end.SetLinger(0)
			end.Close()
		}
	})
}

// pump passes on what goes one way.
func (c *conn) pump(d Direction) {
	from, to := c.ends[d], c.ends[1-d]
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !c.pass(d, to, buffer[:n]) {
			return
		}
		if err != nil {
			to.CloseWrite()
			return
		}
	}
}

// pass passes bytes on as the weather allows, and says whether the connection goes on.
func (c *conn) pass(d Direction, to *net.TCPConn, bytes []byte) bool {
	for len(bytes) > 0 {
		w, ok := c.allowed(d)
		if !ok {
			return false
		}
		part := bytes
		if w.Slice > 0 {
			part = part[:min(w.Slice, len(part))]
		}
		if w.Delay > 0 && !c.wait(w.Delay) {
			return false
		}
		part, cut := c.cutting(d, part)
		if len(part) > 0 {
			if _, err := to.Write(part); err != nil {
				c.close()
				return false
			}
		}
		if cut {
			c.finish()
			return false
		}
		bytes = bytes[len(part):]
	}
	return true
}

// allowed waits until the direction is not held.
func (c *conn) allowed(d Direction) (Weather, bool) {
	for {
		w, changed := c.proxy.now()
		if !w.Held[d] {
			return w, true
		}
		select {
		case <-changed:
		case <-c.gone:
			return w, false
		}
	}
}

func (c *conn) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-c.gone:
		return false
	}
}

// finish ends a connection so that what was written before arrives: a RST would overtake it.
func (c *conn) finish() {
	c.once.Do(func() {
		close(c.gone)
		for _, end := range c.ends {
			end.Close()
		}
	})
}
