package stream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// faults panics at one step of serving a stream.
type faults struct{ step string }

func (f faults) at(step string) {
	if f.step == step {
		panic(http.ErrAbortHandler) // which net/http does not log
	}
}

// faultyWriter is a response that may panic, also once it is hijacked.
type faultyWriter struct {
	http.ResponseWriter
	faults
}

func (w faultyWriter) Header() http.Header {
	w.at("header")
	return w.ResponseWriter.Header()
}

func (w faultyWriter) WriteHeader(status int) {
	w.at("status")
	w.ResponseWriter.WriteHeader(status)
}

func (w faultyWriter) Write(b []byte) (int, error) {
	w.at("write")
	return w.ResponseWriter.Write(b)
}

func (w faultyWriter) EnableFullDuplex() error {
	w.at("full duplex")
	return http.NewResponseController(w.ResponseWriter).EnableFullDuplex()
}

func (w faultyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.at("hijack")
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	return faultyConn{c, w.faults}, rw, err
}

func (w faultyWriter) SetWriteDeadline(at time.Time) error {
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(at)
}

func (w faultyWriter) FlushError() error {
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// faultyConn is a connection that may panic.
type faultyConn struct {
	net.Conn
	faults
}

func (c faultyConn) Write(b []byte) (int, error) {
	c.at("write")
	return c.Conn.Write(b)
}

// faultyHijacker is a connection whose socket may panic once an event loop has it.
type faultyHijacker struct {
	hijacker
	faults
}

func (h faultyHijacker) hijack(w http.ResponseWriter, chunked bool) (socket, error) {
	s, err := h.hijacker.hijack(w, chunked)
	return faultySocket{s, h.faults}, err
}

type faultySocket struct {
	socket
	faults
}

func (s faultySocket) write(b []byte) (int, error) {
	s.at("write")
	return s.socket.write(b)
}

func (s faultySocket) register(l *eventLoop, rd *reader) error {
	s.at("register")
	return s.socket.register(l, rd)
}

func TestAPanicWhileAStreamOpensReleasesIt(t *testing.T) {
	for path, steps := range map[string][]string{
		"event loop": {"header", "hijack", "write", "register"},
		"hijacked":   {"header", "hijack", "write"},
		"in handler": {"header", "full duplex", "status", "write"},
	} {
		for _, step := range steps {
			t.Run(path+" at "+step, func(t *testing.T) { panicAndDrain(t, path, faults{step}) })
		}
	}
}

// panicAndDrain has a stream panic while it opens. Its connection has to be closed, and
// a drain to end.
func panicAndDrain(t *testing.T, path string, f faults) {
	log := newMemLog()
	log.commit(joins("lobby", "ann"))
	broker := New(log, Options{Portable: path != "event loop"})
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hj, ok := r.Context().Value(connKey{}).(hijacker); ok {
			r = r.WithContext(context.WithValue(r.Context(), connKey{}, faultyHijacker{hj, f}))
		}
		if path == "in handler" {
			r.ProtoMajor = 2
		}
		_ = broker.Serve(faultyWriter{w, f}, r, &Start{Chat: "lobby", Actor: ann()})
	}))
	server.Config.ConnContext = ConnContext
	server.Start()
	descriptors := openDescriptors()

	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, follow)
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the connection does not end: %v", err)
	}
	c.Close()
	closed := make(chan struct{})
	go func() {
		broker.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("the broker never closes: a reader is left")
	}
	if descriptors >= 0 {
		eventually(t, "no descriptor is left", func() bool { return openDescriptors() <= descriptors })
	}
	server.Close()
}
