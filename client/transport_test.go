package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/leak"
)

// freezer is a line to a server whose connections can die: what is dead is closed
// by nobody and carries nothing.
type freezer struct {
	net.Listener
	server string
	mu     sync.Mutex
	// dead is closed when the connections made so far die, and then made anew.
	dead chan struct{}
	// made counts the connections.
	made    atomic.Int64
	ended   chan struct{}
	serving sync.WaitGroup
}

func newFreezer(t *testing.T, server string) *freezer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{Listener: l, server: server, dead: make(chan struct{}), ended: make(chan struct{})}
	f.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.made.Add(1)
			f.mu.Lock()
			dead := f.dead
			f.mu.Unlock()
			f.serving.Go(func() { f.relay(conn, dead) })
		}
	})
	t.Cleanup(func() {
		close(f.ended)
		l.Close()
		f.serving.Wait()
	})
	return f
}

// freeze lets the connections die that there are.
func (f *freezer) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.dead)
	f.dead = make(chan struct{})
}

func (f *freezer) relay(client net.Conn, dead <-chan struct{}) {
	defer client.Close()
	server, err := net.Dial("tcp", f.server)
	if err != nil {
		return
	}
	defer server.Close()
	var copying sync.WaitGroup
	defer copying.Wait()
	over := make(chan struct{}, 2)
	carry := func(to, from net.Conn) {
		defer func() { over <- struct{}{} }()
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			select {
			case <-dead:
				return
			default:
			}
			if err != nil {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	copying.Go(func() { carry(server, client) })
	copying.Go(func() { carry(client, server) })
	select {
	case <-over:
		select {
		case <-dead:
			<-f.ended
		default:
		}
	case <-dead:
		<-f.ended
	case <-f.ended:
	}
	client.Close()
	server.Close()
}

// newSecureService is [newService] over TLS and HTTP/2, behind a line that can
// freeze.
func newSecureService(t *testing.T, transport *http.Transport) (*service, *freezer) {
	t.Helper()
	t.Cleanup(func() { leak.None(t) })
	s := &service{ServeMux: http.NewServeMux()}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("asked by %s", r.Proto)
		}
		s.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	line := newFreezer(t, srv.Listener.Addr().String())
	transport.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	t.Cleanup(transport.CloseIdleConnections)
	s.url = "https://" + line.Addr().String()
	s.client = New(s.url, WithHTTPClient(&http.Client{Transport: transport}))
	s.client.pause = s.waits.pause
	return s, line
}

// impatient is [NewTransport] with shorter times.
func impatient() *http.Transport {
	t := NewTransport()
	t.HTTP2.SendPingTimeout, t.HTTP2.PingTimeout = 50*time.Millisecond, 200*time.Millisecond
	return t
}

func TestACallLeavesADeadConnection(t *testing.T) {
	s, line := newSecureService(t, impatient())
	s.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, chat.User{Username: "ann"}) })
	for range 2 {
		if _, err := s.client.Me(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	line.freeze()
	start := time.Now()
	_, err := s.client.Me(testContext(t))
	if _, is := errors.AsType[*unanswered](err); !is {
		t.Errorf("a dead connection answered: %v", err)
	}
	if took := time.Since(start); took >= answerWithin {
		t.Errorf("the connection was given up after %v", took)
	}
	if _, err := s.client.Me(testContext(t)); err != nil {
		t.Error(err)
	}
	if n := line.made.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestAStreamLeavesADeadConnection(t *testing.T) {
	s, line := newSecureService(t, impatient())
	s.client.silence = time.Hour
	s.followOverFreeze(t, line)
	if n := line.made.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// followOverFreeze freezes the line when the first event has come, and wants the next
// one all the same.
func (s *service) followOverFreeze(t *testing.T, line *freezer) {
	t.Helper()
	s.lobby(t,
		func(w wire) { w.message(1); w.hold() },
		func(w wire) { w.wantLastID("1"); w.message(2); w.hold() },
	)
	var events []Event
	for e, err := range s.client.Follow(testContext(t), "lobby", After(0)) {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, e); len(events) == 2 {
			break
		}
		line.freeze()
	}
	wantIDs(t, events, nil, "1 2")
}

func TestWithoutPingsTheNextRequestLeavesADeadConnection(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *service, *freezer) error{
		"after a call": func(t *testing.T, s *service, line *freezer) error {
			s.client.answerWithin = 200 * time.Millisecond
			line.freeze()
			_, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello"})
			return err
		},
		"after a stream": func(t *testing.T, s *service, line *freezer) error {
			s.client.silence = 200 * time.Millisecond
			s.followOverFreeze(t, line)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, line := newSecureService(t, &http.Transport{ForceAttemptHTTP2: true})
			s.client.pause = pause // it takes a moment until a lost request is off its connection
			s.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				answer(w, 201, chat.Message{ID: 1})
			})
			if _, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello"}); err != nil {
				t.Fatal(err)
			}
			if err := lose(t, s, line); err != nil {
				t.Error(err)
			}
			if n := line.made.Load(); n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestAClientWithoutATransportPings(t *testing.T) {
	for _, c := range []*Client{New(""), New("", WithHTTPClient(&http.Client{Timeout: time.Second}))} {
		pings := c.http.Transport.(*http.Transport).HTTP2
		if noticed := pings.SendPingTimeout + pings.PingTimeout; noticed <= 0 || noticed >= min(c.answerWithin, c.silence) {
			t.Errorf("a dead connection is noticed after %v", noticed)
		}
	}
}
