package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// connect opens a connection, which the test's end closes.
func (h *house) connect() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.srv.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// fewConnections opens a server that takes 20 connections.
func fewConnections(t *testing.T, change ...func(*settings)) *house {
	return open(t, append(change, func(s *settings) { s.MaxConnections = "20" })...)
}

func TestIdleConnectionsGiveWayToANewOne(t *testing.T) {
	t.Parallel()
	for name, greet := range map[string]func(c net.Conn){
		"silent":  func(net.Conn) {},
		"halfway": func(c net.Conn) { io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n") },
		"served": func(c net.Conn) {
			io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				res.Body.Close()
			}
		},
		"HTTP/2": func(c net.Conn) {
			io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			_, _ = c.Read(make([]byte, 9))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fewConnections(t)
			for range 1000 {
				greet(h.connect())
			}
			h.client.Timeout = 5 * time.Second
			h.do("GET", "/healthz", "").want(200)
			if closed := h.do("GET", "/metrics", "").metric("parley_idle_connections_closed_total"); closed < 900 {
				t.Errorf("%v idle connections were closed", closed)
			}
		})
	}
}

func TestIdleConnectionsGiveWayToANewOneOverTLS(t *testing.T) {
	t.Parallel()
	files := issue(t, t.TempDir(), "own")
	h := fewConnections(t, func(s *settings) { s.TLSCert, s.TLSKey = files.cert, files.key })
	insecure := &tls.Config{InsecureSkipVerify: true}
	for range 200 {
		h.connect()
	}
	c := tls.Client(h.connect(), insecure)
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v %v", res, err)
	}
}

func TestConnectionsInUseAreNotClosedForANewOne(t *testing.T) {
	t.Parallel()
	h := fewConnections(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	var streams []*stream
	for range 10 {
		s := h.follow("/chats/lobby/stream", ann...)
		s.until("event: ready")
		streams = append(streams, s)
	}
	posting := h.connect()
	fmt.Fprintf(posting, "POST /chats/lobby/messages HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", ann[0], ann[1])
	r := bufio.NewReader(posting)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = r.ReadString('\n')
	for range 300 {
		h.connect()
	}
	h.do("GET", "/healthz", "").want(200)
	h.secrets = append(h.secrets, "still")
	io.WriteString(posting, "still")
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 201 {
		t.Fatalf("the request was not finished: %v %v", res, err)
	}
	for _, s := range streams {
		s.until("still")
	}
}

func TestAStreamThatEndsMakesRoomForAConnection(t *testing.T) {
	t.Parallel()
	h := fewConnections(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	h.client.CloseIdleConnections()
	var streams []*stream
	for range 20 {
		streams = append(streams, h.follow("/chats/lobby/stream", ann...))
	}
	c := h.connect()
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Fatalf("it was answered, or closed, beyond the limit: %v", err)
	}
	streams[0].body.Close()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("%v %v", res, err)
	}
}

// metric is the value of a metric that has no labels.
func (a answer) metric(name string) (value float64) {
	a.t.Helper()
	for line := range strings.Lines(a.body) {
		if _, err := fmt.Sscanf(line, name+" %g\n", &value); err == nil {
			return value
		}
	}
	a.t.Fatalf("no metric %s", name)
	return 0
}
