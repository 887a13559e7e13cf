package stream

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	r3labs "github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"
)

// otherLineEnds are what ends a line for some clients, such as Python's splitlines,
// and neither for SSE nor for NDJSON.
const otherLineEnds = "\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

// Whatever is said, a strict reader and the client library that Go programs use
// find one event, with its own id, and nothing that the text made up.
func FuzzNoTextCanForgeALine(f *testing.F) {
	f.Add("hello")
	f.Add("a\r\nevent: bye\ndata: {}\n\n\rid: 7\x00\u2028")
	f.Add(": comment\n\nretry: 1\n")
	f.Add("a\u2028b\u2029c\u0085d\v\f\x1c\x1d\x1e")
	f.Fuzz(func(t *testing.T, text string) {
		e := says("lobby", "bob", text)
		e.Pos = 7
		framed, _ := newFrame(e).wire(SSE)
		wire := framed.payload()
		if strings.ContainsAny(string(wire), otherLineEnds) {
			t.Errorf("%q has a line end in %q", text, wire)
		}
		line, _ := newFrame(e).wire(Text)
		shown := string(line.payload())
		if strings.Count(shown, "\n") != 1 || strings.ContainsAny(shown, otherLineEnds+"\r\x00\x1b") {
			t.Errorf("%q is shown as %q", text, shown)
		}
		blocks := parse(t, string(wire))
		if len(blocks) != 1 || blocks[0].ID != "7" || blocks[0].Name != "" {
			t.Fatalf("%q became %+v", text, blocks)
		}
		events := byR3labs(t, wire)
		if len(events) != 1 || string(events[0].ID) != "7" || len(events[0].Event) != 0 || string(events[0].Data) != blocks[0].Data {
			t.Errorf("to r3labs %q became %+v", text, events)
		}
	})
}

// byR3labs is what r3labs' client makes of a stream.
func byR3labs(t *testing.T, wire []byte) []*r3labs.Event {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(wire) }))
	defer server.Close()
	c := r3labs.NewClient(server.URL)
	c.ReconnectStrategy = &backoff.StopBackOff{}
	var events []*r3labs.Event
	err := c.SubscribeWithContext(context.Background(), "", func(e *r3labs.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	c.Connection.CloseIdleConnections()
	return events
}
