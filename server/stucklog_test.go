package server_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"parley/server"
)

// stuckWriter takes nothing until it is let go.
type stuckWriter chan struct{}

func (w stuckWriter) Write(p []byte) (int, error) {
	<-w
	return len(p), nil
}

func TestAStuckLogStopsNeitherAnswersNorTheDrain(t *testing.T) {
	t.Parallel()
	log := make(stuckWriter)
	defer close(log)
	srv, err := server.Open(t.Context(), server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), JWTSecret: secret}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+srv.Addr().String()+"/me", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	transport.CloseIdleConnections()
	start := time.Now()
	stop()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Errorf("the drain took more than %v", time.Since(start))
	}
}
