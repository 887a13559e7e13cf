package main

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"time"
)

// delay forwards TCP connections and holds what goes to the server for a time, so
// that every round trip takes so much longer, as over a network.
type delay struct {
	by       time.Duration
	to       string
	listener net.Listener
	working  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

// newDelay listens on this machine and forwards to an address.
func newDelay(to string, by time.Duration) (*delay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &delay{by: by, to: to, listener: listener}
	d.working.Go(d.accept)
	return d, nil
}

// away is the database behind a delay.
func (db *database) away(by time.Duration) (*database, *delay, error) {
	address, err := url.Parse(db.address)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDelay(address.Host, by)
	if err != nil {
		return nil, nil, err
	}
	address.Host = d.listener.Addr().String()
	away := *db
	away.address = address.String()
	return &away, d, nil
}

func (d *delay) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", d.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !d.keep(client, server) {
			return
		}
		d.working.Go(func() { d.forward(server, client, d.by) })
		d.working.Go(func() { d.forward(client, server, 0) })
	}
}

// keep keeps connections to be closed; once the delay is closed, it closes them itself.
func (d *delay) keep(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, conns...)
	if d.closed {
		d.hangUp()
	}
	return !d.closed
}

func (d *delay) hangUp() {
	for _, c := range d.conns {
		_ = c.Close()
	}
}

// piece is what was read at once, and when it is to be written.
type piece struct {
	due   time.Time
	bytes []byte
}

// forward copies from one connection to the other until either ends, which ends both.
func (d *delay) forward(to, from net.Conn, by time.Duration) {
	defer to.Close()
	pieces := make(chan piece, 1024)
	d.working.Go(func() {
		defer close(pieces)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			pieces <- piece{time.Now().Add(by), b[:n]}
		}
	})
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			_ = from.Close() // ends the reading, and so this loop
		}
	}
}

// close ends all connections and waits for them; a nil delay is none.
func (d *delay) close() error {
	if d == nil {
		return nil
	}
	err := d.listener.Close()
	d.mu.Lock()
	d.closed = true
	d.hangUp()
	d.mu.Unlock()
	d.working.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
