package client

import (
	"net"
	"net/http"
	"time"
)

// A connection of HTTP/2 is shared by calls and streams, so one that has died must
// not be used again. Over HTTP/1 it goes with the request that failed on it.
const (
	// pingAfter is how long a connection may bring nothing before it is sent a PING,
	// and pongWithin how long the answer may take. Together they are less than a
	// call's answerWithin and a stream's silence.
	pingAfter  = 10 * time.Second
	pongWithin = 5 * time.Second
	// writeWithin is how long a connection may take no byte of what is written.
	writeWithin = 10 * time.Second
	// dialWithin bounds the making of a connection, and as much again its handshake.
	dialWithin = 10 * time.Second
)

// transport is what clients without one of their own share.
var transport = NewTransport()

// NewTransport makes a transport that gives up a connection of HTTP/2 which has
// died, within 15 s, so that requests and streams go on by a new one. It can be
// changed before it is first used.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialWithin}).DialContext,
		TLSHandshakeTimeout: dialWithin,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConns:        100,
		ForceAttemptHTTP2:   true, // with a dialer of its own it is off
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  pingAfter,
			PingTimeout:      pongWithin,
			WriteByteTimeout: writeWithin,
		},
	}
}

// leaveDead closes the connections that carry no request, where a request was lost
// since the last time: the next one must not go where it went. It is for transports
// that do not ping. On one that shares a dead connection with a stream it does so
// once the stream is given up, too.
func (c *Client) leaveDead() {
	if c.lost.Swap(false) {
		c.http.CloseIdleConnections()
	}
}
