package e2e

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// relay is an address that stays while the server behind it changes, as a virtual address or
// the name of a primary is.
type relay struct {
	listener net.Listener
	carrying sync.WaitGroup

	mu sync.Mutex
	to string // empty is none
	// open are the connections of both sides.
	open map[net.Conn]struct{}
}

// newRelay leads to the database at an address, and returns its own.
func newRelay(t testing.TB, address string) (r *relay, own string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r = &relay{to: u.Host, open: make(map[net.Conn]struct{})}
	if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = r.listener.Addr().String()
	r.carrying.Go(r.accept)
	t.Cleanup(func() {
		r.listener.Close()
		r.cut()
		r.carrying.Wait()
	})
	return r, u.String()
}

// leadTo leads new connections to the database at an address, and leaves those that are open.
func (r *relay) leadTo(t testing.TB, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = u.Host
}

// cut ends all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		conn.Close()
	}
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.carrying.Go(func() { r.carry(client) })
	}
}

func (r *relay) carry(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	r.note(client, server)
	defer r.forget(client, server)
	r.carrying.Go(func() {
		defer client.Close()
		io.Copy(client, server)
	})
	io.Copy(server, client)
}

func (r *relay) note(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range conns {
		r.open[conn] = struct{}{}
	}
}

func (r *relay) forget(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range conns {
		delete(r.open, conn)
	}
}
