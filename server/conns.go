package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// connLimit bounds how many connections are open at once, because each takes a
// descriptor. Where a new one finds them all taken, the one that has been idle longest
// is closed for it. A connection that carries a request or a stream is never closed.
type connLimit struct {
	// most is how many there may be; 0 is no bound.
	most int
	// hijacked is how many connections are streams' own, and not net/http's any more.
	hijacked   func() int
	closedIdle prometheus.Counter
	// freed has room for one token: a connection has become idle, or has gone.
	freed chan struct{}

	mu sync.Mutex
	// conns are net/http's connections, each with its place in idle; nil while it
	// carries something.
	conns map[net.Conn]*list.Element
	// idle are the connections that carry nothing, the longest idle first. They include
	// new ones on which no whole request has come yet.
	idle *list.List
}

func newConnLimit(most int, hijacked func() int, r prometheus.Registerer) *connLimit {
	l := &connLimit{
		most: most, hijacked: hijacked,
		closedIdle: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_idle_connections_closed_total",
			Help: "Idle connections that were closed because a new one needed their place.",
		}),
		freed: make(chan struct{}, 1),
		conns: make(map[net.Conn]*list.Element),
		idle:  list.New(),
	}
	r.MustRegister(l.closedIdle)
	return l
}

// connState notes what becomes of a connection. It is meant for
// [http.Server.ConnState].
func (l *connLimit) connState(c net.Conn, state http.ConnState) {
	if l.most == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	place, known := l.conns[c]
	if !known && state != http.StateNew {
		return // it was closed for another
	}
	if place != nil {
		l.idle.Remove(place)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		l.conns[c] = l.idle.PushBack(c)
	case http.StateActive:
		l.conns[c] = nil
		return
	case http.StateHijacked, http.StateClosed:
		delete(l.conns, c)
	}
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

// whileFull is how often it is looked whether a stream's end has made room, of which
// no connState tells.
const whileFull = 50 * time.Millisecond

// makeRoom returns when there is room for one connection more, or with false when
// closed is closed.
func (l *connLimit) makeRoom(closed <-chan struct{}) bool {
	for {
		longest, full := l.takeLongestIdle()
		switch {
		case !full:
			return true
		case longest != nil:
			l.closedIdle.Inc()
			closeAtOnce(longest)
			continue
		}
		look := time.NewTimer(whileFull)
		select {
		case <-l.freed:
		case <-look.C:
		case <-closed:
			return false
		}
		look.Stop()
	}
}

// takeLongestIdle says whether the limit is reached, and then forgets the connection
// that has been idle longest and returns it; nil if none is.
func (l *connLimit) takeLongestIdle() (longest net.Conn, full bool) {
	hijacked := l.hijacked()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns)+hijacked < l.most {
		return nil, false
	}
	front := l.idle.Front()
	if front == nil {
		return nil, true
	}
	longest = l.idle.Remove(front).(net.Conn)
	delete(l.conns, longest)
	return longest, true
}

// closeAtOnce closes a connection without TLS's closing alert, which may wait for room.
func closeAtOnce(c net.Conn) {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	_ = c.Close()
}

// listen has the connections that l accepts wait for room.
func (l *connLimit) listen(under net.Listener) net.Listener {
	if l.most == 0 {
		return under
	}
	return &limitedListener{Listener: under, limit: l, closed: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	limit  *connLimit
	once   sync.Once
	closed chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.limit.makeRoom(l.closed) {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
