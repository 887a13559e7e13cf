// Package wire is a TCP proxy that does to connections what bad networks do: it holds back
// what goes one way or both, delays, slices and throttles it, cuts a connection after an exact
// number of bytes, resets connections, and refuses new ones.
package wire

import (
	"net"
	"sync"
	"time"
)

// Direction is one way through a proxy.
type Direction int

// The two ways: from the client to the server, and back.
const (
	Up Direction = iota
	Down
)

// Weather is what a proxy does to what passes through it. The zero value lets it pass.
type Weather struct {
	// Held says of each direction that nothing passes: it waits, as in a partition.
	Held [2]bool
	// Delay is how long each part waits.
	Delay time.Duration
	// Slice is how many bytes pass at once, with Delay between them; 0 is no bound.
	Slice int
	// Refused says that new connections are closed at once.
	Refused bool
}

// Proxy passes connections on to one address.
type Proxy struct {
	listener net.Listener
	done     sync.WaitGroup

	mu      sync.Mutex
	target  string
	changed chan struct{} // closed when the weather changes
	weather Weather
	conns   map[*conn]struct{}
	cut     *Cut
}

// New listens on a free port of 127.0.0.1 for an address.
func New(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, changed: make(chan struct{}), conns: make(map[*conn]struct{})}
	p.done.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the weather, also for connections that are open.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
}

// Lead has new connections led to another address.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *Proxy) leadsTo() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// Reset cuts all connections with a RST.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Reset()
	p.Set(Weather{})
	p.done.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

func (p *Proxy) now() (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.changed
}

func (p *Proxy) serve(client *net.TCPConn) {
	if w, _ := p.now(); w.Refused {
		client.Close()
		return
	}
	server, err := net.Dial("tcp", p.leadsTo())
	if err != nil {
		client.SetLinger(0)
		client.Close()
		return
	}
	c := &conn{proxy: p, ends: [2]*net.TCPConn{client, server.(*net.TCPConn)}, gone: make(chan struct{})}
	p.mu.Lock()
	p.conns[c] = struct{}{}
	if cut := p.cut; cut != nil && cut.Begin == nil {
		c.cut, p.cut = cut, nil
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { c.pump(Up) })
	both.Go(func() { c.pump(Down) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}
