package stream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// accepted holds a descriptor of each socket that a server has accepted, which
// outlives what the server makes of the connection.
type accepted struct {
	t   *testing.T
	mu  sync.Mutex
	fds []int
}

func (a *accepted) connContext(ctx context.Context, c net.Conn) context.Context {
	tcp := tcpUnder(c)
	a.note(tcp)
	return ConnContext(ctx, tcp)
}

func (a *accepted) note(tcp *net.TCPConn) {
	raw, err := tcp.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				a.t.Error(err)
				return
			}
			a.t.Cleanup(func() { unix.Close(dup) })
			a.mu.Lock()
			a.fds = append(a.fds, dup)
			a.mu.Unlock()
		})
	}
	if err != nil {
		a.t.Error(err)
	}
}

// option is a socket option of the connection that was accepted last.
func (a *accepted) option(level, name int) int {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	v, err := unix.GetsockoptInt(a.fds[len(a.fds)-1], level, name)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

func (a *accepted) sendBuffer() int { return a.option(unix.SOL_SOCKET, unix.SO_SNDBUF) }

// streamServer serves a stream at / and an ordinary answer at /answer, over one
// protocol, and notes the sockets it accepts.
func streamServer(t *testing.T, o Options, protocol string) (*accepted, *http.Client, string) {
	p := openPort(t, o)
	a := &accepted{t: t}
	mux := http.NewServeMux()
	mux.Handle("/", p.server.Config.Handler)
	mux.HandleFunc("/answer", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "answered") })
	server := httptest.NewUnstartedServer(mux)
	server.Config.ConnContext = a.connContext
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	switch protocol {
	case "HTTP/1.1":
		server.Start()
	case "HTTP/1.1 over TLS":
		server.StartTLS()
	case "HTTP/2":
		server.Config.Protocols = &h2c
		server.Start()
	case "HTTP/2 over TLS":
		server.EnableHTTP2 = true
		server.StartTLS()
	}
	client := server.Client()
	if protocol == "HTTP/2" {
		client.Transport = &http.Transport{Protocols: &h2c}
	}
	t.Cleanup(func() {
		p.broker.Drain()
		client.CloseIdleConnections()
		server.Close()
	})
	return a, client, server.URL
}

// initialSendBuffer is the send buffer of a connection that a bare listener accepts.
func initialSendBuffer(t *testing.T) int {
	a := &accepted{t: t}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		a.note(c.(*net.TCPConn))
		return ctx
	}
	server.Start()
	defer server.Close()
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return a.sendBuffer()
}

func get(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestSendBufferIsBoundedWhenAStreamBegins(t *testing.T) {
	initial := initialSendBuffer(t)
	for _, tt := range []struct {
		protocol string
		portable bool
	}{{"HTTP/1.1", false}, {"HTTP/1.1", true}, {"HTTP/1.1 over TLS", false}} {
		name := tt.protocol
		if tt.portable {
			name += " portable"
		}
		t.Run(name, func(t *testing.T) {
			a, client, url := streamServer(t, Options{Portable: tt.portable}, tt.protocol)
			_, _ = io.Copy(io.Discard, get(t, client, url+"/answer").Body)
			if got := a.sendBuffer(); got < initial {
				t.Errorf("an ordinary answer has a send buffer of %d bytes; a bare server's has %d", got, initial)
			}
			get(t, client, url+"/")
			expect(t, "send buffer of a stream, which the kernel doubles", a.sendBuffer(), 2*sendBuffer)
		})
	}
}

func TestUnsentBytesOfASharedConnectionAreBoundedWhenAStreamBegins(t *testing.T) {
	initial := initialSendBuffer(t)
	for _, protocol := range []string{"HTTP/2", "HTTP/2 over TLS"} {
		t.Run(protocol, func(t *testing.T) {
			a, client, url := streamServer(t, Options{}, protocol)
			answer := get(t, client, url+"/answer")
			expect(t, "protocol", answer.ProtoMajor, 2)
			_, _ = io.Copy(io.Discard, answer.Body)
			unlimited := a.option(unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
			get(t, client, url+"/")
			if got := a.sendBuffer(); got < initial {
				t.Errorf("a send buffer of %d bytes slows the other answers; a bare server's has %d", got, initial)
			}
			if unlimited == sendBuffer {
				t.Error("the limit is there before a stream")
			}
			expect(t, "limit with a stream", a.option(unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT), sendBuffer)
		})
	}
}
