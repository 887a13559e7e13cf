package stream

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"time"
)

// hijackable is a connection of net/http's that a stream can take over.
type hijackable interface {
	// hijack ends net/http's use of the connection under w. Nothing may be written
	// to w afterwards.
	hijack(w http.ResponseWriter, chunked bool) (socket, error)
}

// connection is the key of the request's [hijackable] in its context.
type connection struct{}

// ConnContext notes the connection under a request, so that [Broker.Serve] can take
// it over where that is possible, and sets what streams need of it. It is meant for
// [http.Server.ConnContext].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return ctx
	}
	tune(tcp)
	if t := hijackableConn(tcp); t != nil {
		ctx = context.WithValue(ctx, connection{}, t)
	}
	return ctx
}

// sendBuffer is what the kernel keeps of a connection's unsent bytes, about. Left
// to itself it keeps megabytes for each reader that has stopped reading.
const sendBuffer = 32 << 10

// hijackableOf is the request's connection, if it can be taken over: HTTP/1.1 or 1.0
// in the clear. Otherwise it is nil.
func (b *Broker) hijackableOf(r *http.Request) hijackable {
	if b.opts.Portable || r.ProtoMajor != 1 || r.TLS != nil {
		return nil
	}
	t, _ := r.Context().Value(connection{}).(hijackable)
	return t
}

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
