package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// dialer opens connections that fail when the server has been silent for so long.
type dialer struct{ wait time.Duration }

// keepAlive finds a connection that was lost while it was idle.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatientConn{Conn: conn, wait: d.wait}, nil
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// impatientConn gives each read and each write a deadline of its own, and keeps
// an earlier one that was set for all of them.
type impatientConn struct {
	net.Conn
	wait  time.Duration
	until atomic.Pointer[time.Time]
}

func (c *impatientConn) deadline() time.Time {
	at := time.Now().Add(c.wait)
	if until := c.until.Load(); until != nil && until.Before(at) {
		return *until
	}
	return at
}

func (c *impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *impatientConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.until.Store(nil)
	} else {
		c.until.Store(&t)
	}
	return c.Conn.SetDeadline(t)
}
