package stream

import (
	"net"
	"net/http"
	"sync/atomic"
)

// hijackedConn is a connection of HTTP/1 that was hijacked from net/http for a stream that
// a goroutine drives: over TLS as in the clear, on every system. What net/http would
// keep of it as long as the stream lives is several times what the stream needs: the
// request, its buffers, and the stack on which all of it was handled.
type hijackedConn struct {
	conn     net.Conn
	inChunks bool
	driver   *goroutineDriver
	// left says that the client has gone.
	left atomic.Bool
	// dropped is what the client sent last.
	dropped [64]byte
}

// hijackPortable ends net/http's use of the connection under w. It is
// [http.ErrNotSupported] where there is none.
func hijackPortable(w http.ResponseWriter, chunked bool, d *goroutineDriver) (*hijackedConn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	limitSendBuffer(conn)
	d.setDeadline = conn.SetWriteDeadline
	return &hijackedConn{conn: conn, inChunks: chunked, driver: d}, nil
}

// write sends b and returns when the kernel has taken it.
func (c *hijackedConn) write(b []byte) (int, error) {
	return c.driver.write(func() (int, error) { return c.conn.Write(b) })
}

func (c *hijackedConn) chunked() bool { return c.inChunks }
func (c *hijackedConn) full() bool    { return false } // a write waits for room
func (c *hijackedConn) lags() bool    { return unsent(tcpUnder(c.conn)) > maxUnsentBytes }
func (c *hijackedConn) gone() bool    { return c.left.Load() }

// watch reads until the client has closed its connection, or only its half, as
// net/http takes it too, or has sent more than a client that listens would. Then it
// wakes the driver. What is read is dropped: unread input would turn the
// closing of the connection into a reset, which destroys what the client has yet to
// read.
func (c *hijackedConn) watch() {
	for stray := 0; stray <= maxStray; {
		n, err := c.conn.Read(c.dropped[:])
		if err != nil {
			break
		}
		stray += n
	}
	c.left.Store(true)
	signal(c.driver.woken)
}

// close ends the connection. One that is full is reset, so that the kernel does not
// hold for minutes what nobody will read, and without TLS's closing alert, which would
// wait for room.
func (c *hijackedConn) close(why reason) {
	if tcp := tcpUnder(c.conn); tcp != nil && why == reasonSlow {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
		return
	}
	_ = c.conn.Close()
}
