//go:build !linux

package stream

import "net"

// poller is there on Linux alone; elsewhere no connection is taken over.
type poller struct{}

func (l *eventLoop) stopPolling() {}

// tune sets what a stream needs of its connection. A connection that is gone is
// found by who writes to it.
func tune(c *net.TCPConn) { _ = c.SetWriteBuffer(sendBuffer) }

func hijackableConn(*net.TCPConn) hijackable { return nil }
