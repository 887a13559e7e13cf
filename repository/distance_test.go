package repository

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// farAway is the address of a database with so much time between it and its clients,
// each way.
func farAway(t testing.TB, address string, oneWay time.Duration) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer client.Close()
				upstream, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer upstream.Close()
				all.Go(func() { carryLate(client, upstream, oneWay) })
				carryLate(upstream, client, oneWay)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return u.String()
}

// carryLate copies what comes from one side to the other, each piece after the delay,
// and closes both when one ends.
func carryLate(to, from net.Conn, delay time.Duration) {
	type piece struct {
		at   time.Time
		data []byte
	}
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 1<<14)
			n, err := from.Read(buf)
			if n > 0 {
				pieces <- piece{time.Now().Add(delay), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range pieces { // its reader ends
	}
}
