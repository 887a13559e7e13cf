package stream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"parley/e2e/sse"
)

// line is one connection of HTTP/2 to a port, with its streams.
type line struct {
	*port
	url    string
	client *http.Client
	// dialled counts the connections that it took.
	dialled atomic.Int32
}

// overHTTP2 connects a client that takes in window bytes of a stream that it does
// not read.
func overHTTP2(t *testing.T, o Options, window int) *line {
	l := &line{port: openPort(t, o)}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(l.server.Config.Handler)
	server.Config.ConnContext = ConnContext
	server.Config.Protocols = &h2c
	server.Start()
	l.url = server.URL
	transport := &http.Transport{
		Protocols: &h2c,
		HTTP2:     &http.HTTP2Config{MaxReceiveBufferPerStream: window},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			l.dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	l.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		l.broker.Drain()
		transport.CloseIdleConnections()
		server.Close()
	})
	return l
}

// open opens a stream.
func (l *line) open(query string) *http.Response {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	l.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, "GET", l.url+"/"+query, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	answer, err := l.client.Do(request)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { answer.Body.Close() })
	expect(l.t, "protocol", answer.ProtoMajor, 2)
	return answer
}

// listen opens a stream and reads up to its `ready`.
func (l *line) listen(query string) *listener {
	l.t.Helper()
	answer := l.open(query)
	r := &listener{t: l.t, answer: answer, events: sse.NewReader(answer.Body)}
	r.until("ready")
	return r
}

func TestOverHTTP2AFinalEndIsCleanAndTheOthersReset(t *testing.T) {
	l := overHTTP2(t, Options{}, 0)
	limited, going := l.listen("?limit=2"), l.listen("")
	l.say(1, 5)
	limited.until("bye")
	if _, err := limited.events.Next(); err != io.EOF {
		t.Errorf("a final end: %v", err)
	}
	// The others on the connection go on.
	l.say(6, 6)
	going.until("6")
	go l.broker.Drain()
	going.until("bye")
	if _, err := going.events.Next(); err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR; received from peer") {
		t.Errorf("an end to survive: %v", err)
	}
	expect(t, "connections", l.dialled.Load(), int32(1))
}

func TestWhoStopsReadingAStreamOfHTTP2IsCutAndTheOthersOnItsConnectionDoNotNotice(t *testing.T) {
	l := overHTTP2(t, Options{Patience: far}, 16<<10)
	others := []*listener{l.listen(""), l.listen(""), l.listen("")}
	stalled := l.open("")
	eventually(t, "all are open", func() bool { return l.port.open() == 4 })
	last := 0
	eventually(t, "the others are left", func() bool {
		l.say(last+1, last+100)
		last += 100
		for _, other := range others {
			other.until(strconv.Itoa(last))
		}
		return l.port.open() == 3
	})
	if _, err := io.Copy(io.Discard, stalled.Body); err == nil {
		t.Error("it looks like a final end")
	}
	expect(t, "ends of the slow", testutil.ToFloat64(l.broker.metrics.ends.WithLabelValues("slow")), 1.0)
	l.say(last+1, last+1)
	others[2].until(strconv.Itoa(last + 1))
	l.listen("")
	expect(t, "connections", l.dialled.Load(), int32(1))
}
