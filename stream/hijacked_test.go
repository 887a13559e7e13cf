package stream

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"parley/e2e/sse"
)

// overTLS is a port that speaks HTTP/1.1 over TLS.
type overTLS struct{ *port }

func openTLS(t *testing.T, o Options) overTLS {
	p := openPort(t, o)
	server := httptest.NewUnstartedServer(p.server.Config.Handler)
	server.Config.ConnContext = ConnContext
	server.StartTLS()
	t.Cleanup(func() {
		p.broker.Drain()
		server.Close()
	})
	p.server.Close()
	p.server = server
	return overTLS{p}
}

// ask connects and asks for a stream.
func (p overTLS) ask(request string) *tls.Conn {
	p.t.Helper()
	c := tls.Client(p.dial(""), &tls.Config{InsecureSkipVerify: true})
	if _, err := io.WriteString(c, request); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// hear opens a stream and reads up to its `ready`.
func (p overTLS) hear(request string) *listener {
	p.t.Helper()
	c := p.ask(request)
	l := &listener{t: p.t, conn: c.NetConn().(*net.TCPConn)}
	var err error
	if l.answer, err = http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		p.t.Fatal(err)
	}
	l.events = sse.NewReader(l.answer.Body)
	l.until("ready")
	return l
}

func TestOverTLSAFinalEndIsCleanAndTheOthersBreakOff(t *testing.T) {
	p := openTLS(t, Options{})
	limited, going := p.hear("GET /?limit=2 HTTP/1.1\r\nHost: x\r\n\r\n"), p.hear(follow)
	p.say(1, 5)
	limited.until("bye")
	if _, err := limited.events.Next(); err != io.EOF {
		t.Errorf("a final end: %v", err)
	}
	go p.broker.Drain()
	going.until("bye")
	if _, err := going.events.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an end to survive: %v", err)
	}
}

func TestOverTLSAClientThatGoesIsNoticed(t *testing.T) {
	p := openTLS(t, Options{Ping: time.Hour})
	other := p.hear(follow)
	p.ask(follow).Close()
	p.hear(follow).conn.Close()
	eventually(t, "one stream is left", func() bool { return p.open() == 1 })
	p.say(1, 1)
	other.until("1")
}

func TestOverTLSWhoStopsReadingIsCutAndTheOthersDoNotNotice(t *testing.T) {
	p := openTLS(t, Options{Patience: far})
	other := p.hear(follow)
	stalled := p.ask(follow)
	stalled.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	p.sayUntilAloneWith(other)
}
