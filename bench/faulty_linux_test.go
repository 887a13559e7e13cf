package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
)

func init() { roles["faulty"] = serveFaulty }

// serveFaulty is a server whose fourth reader never gets the fifth message, and gets
// the ninth twice.
func serveFaulty(in *bufio.Reader) error {
	var mu sync.Mutex
	var conns []net.Conn
	var id int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /chats/{chat}/stream", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = conn.Write([]byte(streamHead))
			conns = append(conns, conn)
		}
	})
	mux.HandleFunc("POST /chats/{chat}/messages", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id++
		message, err := posted(r, r.PathValue("chat"), id)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		block := fmt.Sprintf("data: %s\n\n", message)
		frame := fmt.Appendf(nil, "%x\r\n%s\r\n", len(block), block)
		for i, conn := range conns {
			if i == 3 && id == 5 {
				continue
			}
			_, _ = conn.Write(frame)
			if i == 3 && id == 9 {
				_, _ = conn.Write(frame)
			}
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(message)
	})
	return serveRival(in, mux)
}

func TestFaultyServerIsCaught(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		server         string
		lost, repeated int64
	}{
		{"faulty", 1, 1},
		{"limit", 0, 0},
		{"r3labs", 0, 0},
	} {
		t.Run(test.server, func(t *testing.T) {
			t.Parallel()
			c := workload{chats: 1, readers: 30, posters: 1, pace: pace{rounds: 20, onTheirWay: onTheirWay}}
			r, err := c.begin(t.Context(), rival(test.server))
			defer func() {
				if err := r.end(); err != nil {
					t.Error(err)
				}
			}()
			if err != nil {
				t.Fatal(err)
			}
			counted := deliverAll(t, t.Context(), r)
			if counted.Lost != test.lost || counted.Repeated != test.repeated || counted.Broken != 0 || counted.Opened != 30 {
				t.Errorf("%+v", tallyWithoutLatencies(counted.tally))
			}
			if want := 20*30 - test.lost; counted.Deliveries != want {
				t.Errorf("%d deliveries, want %d", counted.Deliveries, want)
			}
		})
	}
}

// deliverAll opens the streams, posts all rounds, and returns what was counted.
func deliverAll(t *testing.T, ctx context.Context, r *workloadRun) counted {
	t.Helper()
	if err := r.open(nil, openAtOnce); err != nil {
		t.Fatal(err)
	}
	if err := r.connect(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.posters.run(ctx, r.pace); err != nil {
		t.Fatal(err)
	}
	if _, err := r.settle(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := r.audience.tell(order{Count: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
