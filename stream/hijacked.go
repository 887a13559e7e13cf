package stream

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// hijackedConn is a connection of HTTP/1 that was taken over from net/http for a stream that
// a goroutine drives: over TLS as in the clear, on every system. What net/http would
// keep of it as long as the stream lives is several times what the stream needs: the
// request, its buffers, and the stack on which all of it was handled.
type hijackedConn struct {
	conn     net.Conn
	inChunks bool
	patience time.Duration
	// left says that the client has gone.
	left atomic.Bool
	// dropped is what the client sent last.
	dropped [64]byte
}

// hijackPortable ends net/http's use of the connection under w. It is
// [http.ErrNotSupported] where there is none.
func (b *Broker) hijackPortable(w http.ResponseWriter, chunked bool) (*hijackedConn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	limitSendBuffer(conn)
	return &hijackedConn{conn: conn, inChunks: chunked, patience: b.opts.Patience}, nil
}

// write sends b and returns when the kernel has taken it. The deadline is lifted
// afterwards, because TLS writes by itself too, when the client wants new keys.
func (c *hijackedConn) write(b []byte) (int, error) {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.conn.Write(b)
	if err != nil {
		return 0, err
	}
	return n, c.conn.SetWriteDeadline(time.Time{})
}

func (c *hijackedConn) chunked() bool { return c.inChunks }
func (c *hijackedConn) full() bool    { return false } // a write waits for room
func (c *hijackedConn) gone() bool    { return c.left.Load() }

// watch reads until the client has closed its connection, or only its half, as
// net/http takes it too, or has sent more than a client that listens would. Then it
// wakes who waits. What is read is dropped: input that nobody reads would turn the
// closing of the connection into a reset, which destroys what the client has yet to
// read.
func (c *hijackedConn) watch(woken awaited) {
	for stray := 0; stray <= maxStray; {
		n, err := c.conn.Read(c.dropped[:])
		if err != nil {
			break
		}
		stray += n
	}
	c.left.Store(true)
	signal(woken)
}

// close ends the connection. One that is full is reset, so that the kernel does not
// hold for minutes what nobody will read, and without a last word of TLS, which would
// wait for room.
func (c *hijackedConn) close(why reason) {
	conn := c.conn
	if why == reasonSlow {
		if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = over.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	_ = conn.Close()
}
