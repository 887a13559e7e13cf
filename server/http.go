package server

import (
	"log/slog"
	"net/http"
	"time"

	"parley/stream"
)

// How long net/http waits for a client. There is no timeout for writing an
// answer: streams have none, and bound each write themselves; and they lift the
// one for reading.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// What one connection of HTTP/2 may be.
const (
	// maxRequests is how many requests, and so streams, it carries at once: all that
	// one browser or one connection of a proxy has.
	maxRequests = 1000
	// It is sent a PING when nothing has come over it for so long, and is gone when
	// that is not answered in time. It may be a client that vanished: what streams
	// write needs no answer.
	silence    = 30 * time.Second
	pongWithin = 15 * time.Second
	// It is gone when it takes no byte for so long. A stream's own time for a write
	// is as long, but to end one stream is itself a write to the connection.
	writeWithin = 10 * time.Second
	// What it, and each request on it, may have the server hold of bodies that no
	// handler has read yet.
	unreadBodies = 256 << 10
	unreadBody   = 64 << 10
)

// newHTTP speaks HTTP/1.1, and HTTP/2: over TLS with whoever asks for it by ALPN,
// and in the clear with whoever begins with it (RFC 9113 section 3.3), as proxies
// do.
func (s *Server) newHTTP(h http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxRequests,
			MaxReceiveBufferPerConnection: unreadBodies,
			MaxReceiveBufferPerStream:     unreadBody,
			SendPingTimeout:               silence,
			PingTimeout:                   pongWithin,
			WriteByteTimeout:              writeWithin,
		},
		ConnContext: stream.ConnContext,
		ConnState:   s.conns.connState,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}
