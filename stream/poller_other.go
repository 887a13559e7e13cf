//go:build !linux

package stream

import "net"

// poller is there on Linux alone; elsewhere event loops hijack no connection.
type poller struct{}

func (l *eventLoop) stopPolling() {}

func setUnackedTimeout(*net.TCPConn) {}

// unsent is not known here.
func unsent(*net.TCPConn) int { return 0 }

// limitUnsent does nothing: there is no bound here that would leave other answers
// their speed.
func (acceptedConn) limitUnsent() {}
