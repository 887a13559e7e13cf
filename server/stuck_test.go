package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"parley/chat"
	"parley/stream"
)

// stuckLog is a log whose database answers the first read of the head and then nothing,
// not even that its caller has given up.
type stuckLog struct {
	stream.Log
	forever chan struct{}
}

func (l stuckLog) After(_ context.Context, after int64, _ int) ([]chat.Event, int64, error) {
	if after < chat.MaxPosition {
		<-l.forever
	}
	return nil, 0, nil
}

func (l stuckLog) Open(context.Context, []chat.OpeningRequest) ([]chat.Opening, error) {
	<-l.forever
	return nil, chat.ErrUnavailable
}

func TestADrainEndsInTimeWhateverIsStuck(t *testing.T) {
	t.Parallel()
	forever := make(chan struct{})
	defer close(forever)
	sink := newLogSink(io.Discard)
	s := &Server{log: slog.New(slog.NewTextHandler(sink, nil)), logSink: sink, broker: stream.New(stuckLog{forever: forever}, stream.Options{Poll: time.Millisecond})}
	if err := s.broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.conns = &connLimit{}
	stuck := make(chan string, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("/handler", func(http.ResponseWriter, *http.Request) {
		stuck <- "a handler"
		<-forever
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		stuck <- "a stream that opens"
		_ = s.broker.Serve(w, r, &stream.Start{Chat: "lobby"})
	})
	s.http = s.newHTTP(mux)

	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	for _, path := range []string{"/handler", "/stream"} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		<-stuck
	}
	began := time.Now()
	stop()
	select {
	case err := <-served:
		if took := time.Since(began); err != nil || took > DrainTime {
			t.Errorf("it took %v: %v", took, err)
		}
	case <-time.After(2 * DrainTime):
		t.Fatal("the drain never ends")
	}
}
