package stream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// stalledConn is a client's connection that is not read while a test holds reading.
type stalledConn struct {
	net.Conn
	reading sync.RWMutex
}

func (c *stalledConn) Read(b []byte) (int, error) {
	c.reading.RLock()
	held := c.Conn
	c.reading.RUnlock()
	return held.Read(b)
}

// stallOverHTTP2 opens a stream over HTTP/2 whose connection is not read any more.
func stallOverHTTP2(t *testing.T, p *port, overTLS bool) {
	server := httptest.NewUnstartedServer(p.server.Config.Handler)
	server.Config.ConnContext = ConnContext
	server.EnableHTTP2 = true
	protocols := new(http.Protocols)
	protocols.SetHTTP2(overTLS)
	protocols.SetUnencryptedHTTP2(!overTLS)
	server.Config.Protocols = protocols
	if overTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	var conn *stalledConn
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.Protocols = protocols
	transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 20, MaxReceiveBufferPerConnection: 64 << 20}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			c.(*net.TCPConn).SetReadBuffer(4096)
			conn = &stalledConn{Conn: c}
			c = conn
		}
		return c, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "protocol", answer.ProtoMajor, 2)
	conn.reading.Lock()
	t.Cleanup(func() {
		conn.reading.Unlock()
		cancel()
		p.broker.Drain()
		transport.CloseIdleConnections()
		server.Close()
	})
}

// stalledStreams open, each over another transport, a stream that is not read.
var stalledStreams = map[string]func(t *testing.T) *port{
	"on the event loop": func(t *testing.T) *port { return stallOverHTTP1(t, Options{}) },
	"portable":          func(t *testing.T) *port { return stallOverHTTP1(t, Options{Portable: true}) },
	"TLS": func(t *testing.T) *port {
		p := openTLS(t, Options{})
		p.ask(follow).NetConn().(*net.TCPConn).SetReadBuffer(4096)
		return p.port
	},
	"a stream of HTTP/2": func(t *testing.T) *port {
		l := overHTTP2(t, Options{}, 16<<10)
		l.open("")
		return l.port
	},
	"a connection of HTTP/2": func(t *testing.T) *port {
		p := openPort(t, Options{})
		stallOverHTTP2(t, p, false)
		return p
	},
	"a connection of HTTP/2 over TLS": func(t *testing.T) *port {
		p := openPort(t, Options{})
		stallOverHTTP2(t, p, true)
		return p
	},
}

func stallOverHTTP1(t *testing.T, o Options) *port {
	p := openPort(t, o)
	p.dial(follow).SetReadBuffer(4096)
	return p
}

// fillUp commits messages until the only stream has waited for room for a while.
func (p *port) fillUp() {
	p.t.Helper()
	eventually(p.t, "the stream is open", func() bool { return p.open() == 1 })
	var rd *reader
	p.broker.mu.Lock()
	for only := range p.broker.users["ann"] {
		rd = only
	}
	p.broker.mu.Unlock()
	full := 0
	for last := 0; full < 300; last += 500 {
		p.say(last+1, last+500)
		for full = 0; full < 300 && rd.halted.Load(); full++ {
			time.Sleep(time.Millisecond)
		}
		if last > 1_000_000 {
			p.t.Fatal("the stream never fills up")
		}
	}
}

// promised is the 5 s in which a stream ends, and what a busy machine may add.
const promised = 5*time.Second + 1500*time.Millisecond

func TestABlockedWriteEndsWithTheRights(t *testing.T) {
	for name, stall := range stalledStreams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := stall(t)
			p.fillUp()
			began := time.Now()
			p.broker.Committed(p.log.commit(endsSession("ann", "s-ann")))
			eventually(t, "the stream has ended", func() bool { return p.open() == 0 })
			if took := time.Since(began); took > promised {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestADrainInterruptsABlockedWrite(t *testing.T) {
	for name, stall := range stalledStreams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := stall(t)
			p.fillUp()
			began := time.Now()
			p.broker.Drain()
			if took := time.Since(began); took > promised {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// An access token's end ends the rights too, where nothing has renewed the session.
func TestABlockedWriteEndsWithTheCredential(t *testing.T) {
	d := newGoroutineDriver(10 * time.Second)
	now := time.Now()
	for _, tt := range []struct{ expires, want time.Duration }{
		{time.Hour, 10 * time.Second},
		{2 * time.Second, 2*time.Second + endingGrace},
		{-time.Minute, endingGrace}, // the store has not said yet whether it was renewed
	} {
		d.expires = now.Add(tt.expires)
		expect(t, "deadline", d.deadline(now).Sub(now), tt.want)
	}
}

func TestALastWordHasItsTimeBehindTheEnd(t *testing.T) {
	d := newGoroutineDriver(10 * time.Second)
	now := time.Now()
	d.endBy(now.Add(3 * time.Second))
	d.endBy(now.Add(time.Hour)) // a later end changes nothing
	expect(t, "deadline", d.deadline(now).Sub(now), 3*time.Second)
	expect(t, "deadline", d.deadline(now.Add(4*time.Second)).Sub(now), 4*time.Second+lastWord)
}
