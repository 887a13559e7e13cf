package stream

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"time"
)

// hijacker is a connection of net/http's that an event loop can take over.
type hijacker interface {
	// hijack ends net/http's use of the connection under w. Nothing may be written
	// to w afterwards.
	hijack(w http.ResponseWriter, chunked bool) (socket, error)
}

// acceptedConn is the TCP connection that a request came over. It is a [hijacker] on
// Linux alone.
type acceptedConn struct{ tcp *net.TCPConn }

// connKey is the key of the request's [acceptedConn] in its context.
type connKey struct{}

// ConnContext notes the connection under a request, in the clear or under TLS, for
// [Broker.Serve]. It is meant for [http.Server.ConnContext]. The connection's buffers
// stay as the kernel has them until a stream begins, because ordinary answers share it.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	tcp := tcpUnder(c)
	if tcp == nil {
		return ctx
	}
	setUnackedTimeout(tcp)
	return context.WithValue(ctx, connKey{}, acceptedConn{tcp})
}

// cut resets the connection, and so everything that it carries.
func (a acceptedConn) cut() {
	_ = a.tcp.SetLinger(0)
	_ = a.tcp.Close()
}

// tcpUnder is the TCP connection under c, also where c speaks TLS; nil if there is
// none.
func tcpUnder(c net.Conn) *net.TCPConn {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}

// sendBuffer is what the kernel keeps of a stream's unsent bytes, about. By default
// it keeps megabytes for each reader that has stopped reading.
const sendBuffer = 32 << 10

// maxUnsentBytes is how much may wait in the kernel for a client that is still given what
// may be dropped.
const maxUnsentBytes = sendBuffer / 4

// limitSendBuffer bounds what the kernel keeps for a connection that carries one
// stream and nothing else.
func limitSendBuffer(c net.Conn) {
	if tcp := tcpUnder(c); tcp != nil {
		_ = tcp.SetWriteBuffer(sendBuffer) // the writes tell of a connection that is gone
	}
}

// hijackerOf is the request's connection, if an event loop can hijack it: HTTP/1.1
// or 1.0 in the clear. Otherwise it is nil.
func (b *Broker) hijackerOf(r *http.Request) hijacker {
	if b.opts.Portable || r.ProtoMajor != 1 || r.TLS != nil {
		return nil
	}
	h, _ := r.Context().Value(connKey{}).(hijacker)
	return h
}

// Hijacked is how many connections streams hold that net/http does not know any more.
func (b *Broker) Hijacked() int { return int(b.hijacked.Load()) }

// responseHead is the head of a response that net/http does not write. The
// connection ends with the response.
func responseHead(header http.Header, chunked bool) []byte {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	own := header.Clone()
	own.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	own.Set("Connection", "close")
	if chunked {
		own.Set("Transfer-Encoding", "chunked")
	}
	_ = own.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	return head.Bytes()
}
