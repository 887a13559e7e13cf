package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestAPageOfAStreamIsAnsweredAtOnceOrWhenThereIsSomething(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	read := func(path string, headers ...string) (texts string, cursor int64, applied string) {
		t.Helper()
		a := h.do("GET", path, "", with(ann, append([]string{"Accept", "application/json"}, headers...)...)...).want(200)
		if vary := strings.Join(a.header.Values("Vary"), ", "); vary != "Accept, Prefer" {
			t.Errorf("it varies by %q", vary)
		}
		var page struct {
			Events []struct {
				Event string
				ID    int64
				Data  struct{ Text string }
			}
			Cursor int64
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range page.Events {
			told = append(told, e.Event+":"+e.Data.Text)
		}
		return strings.Join(told, " "), page.Cursor, a.header.Get("Preference-Applied")
	}
	_, cursor, _ := read("/chats/lobby/stream")
	h.say("lobby", "one", ann)
	h.say("lobby", "two", ann)
	texts, next, _ := read(fmt.Sprintf("/chats/lobby/stream?after=%d&limit=1", cursor))
	if texts != "message:one" || next <= cursor {
		t.Errorf("%q up to %d", texts, next)
	}
	texts, cursor, _ = read(fmt.Sprintf("/stream?after=%d", next))
	if texts != "message:two" {
		t.Errorf("%q", texts)
	}
	go func() {
		h.eventually("somebody waits for a page", func() bool {
			return strings.Contains(h.do("GET", "/metrics", "").body, "\nparley_streams_open 1\n")
		})
		h.say("lobby", "three", ann)
	}()
	texts, _, applied := read(fmt.Sprintf("/chats/lobby/stream?after=%d", cursor), "Prefer", "respond-async, wait=30")
	if texts != "message:three" || applied != "wait=30" {
		t.Errorf("%q, applied %q", texts, applied)
	}
	texts, _, applied = read("/chats/lobby/stream?after=now", "Prefer", "wait=1")
	if texts != "" || applied != "wait=1" {
		t.Errorf("%q, applied %q", texts, applied)
	}
}

func TestEveryFramingHasTheStreamHeaders(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	framings := []string{"text/event-stream", "application/x-ndjson", "text/plain", "application/json"}
	queries := []string{"?timeout=1ms", "?timeout=1ms&after=rubbish", "?errors=inband&limit=0"}
	for _, path := range []string{"/stream", "/chats/lobby/stream"} {
		for _, framing := range framings {
			for _, query := range queries {
				a := h.do("GET", path+query, "", with(ann, "Accept", framing)...)
				if a.status != 200 { // refused by a problem document, which is no stream
					continue
				}
				for name, want := range map[string]string{
					"Content-Type": framing, "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Vary": "Accept",
				} {
					if got := strings.Join(a.header.Values(name), ", "); !strings.HasPrefix(got, want) {
						t.Errorf("%s%s as %s: %s is %q, want %q", path, query, framing, name, got, want)
					}
				}
			}
		}
	}
	h.drained()
	for _, line := range []string{"route=/stream status=200 ", "route=/chats/:chat/stream status=200 "} {
		if n := strings.Count(h.log.String(), line); n != 2 { // the two pages; streams have lines of their own
			t.Errorf("%d lines with %q", n, line)
		}
	}
}

func TestOneStreamTooManyIsToldInTheWayThatItsClientUnderstands(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.MaxStreamsPerUser = "1" })
	ann := h.user("ann")
	h.chat("lobby", ann)
	first := h.follow("/stream", ann...)
	first.until("event: ready")

	refused := h.do("GET", "/stream", "", ann...).refused(503, "too_many_streams")
	if refused.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	told := h.do("GET", "/chats/lobby/stream?errors=inband", "", ann...).want(200)
	if !strings.HasPrefix(told.body, "retry: ") || !strings.Contains(told.body, "\nevent: problem\n") || !strings.Contains(told.body, `"too_many_streams"`) {
		t.Errorf("in band: %q", told.body)
	}
	told = h.do("GET", "/stream?errors=inband", "", with(ann, "Accept", "application/x-ndjson")...).want(200)
	if !strings.HasPrefix(told.body, `{"event":"problem","data":{`) {
		t.Errorf("in band: %q", told.body)
	}
	h.do("GET", "/stream?errors=inband", "", with(ann, "Accept", "application/json")...).refused(503, "too_many_streams")

	first.body.Close()
	h.eventually("the end of one makes room", func() bool {
		return h.do("GET", "/stream?timeout=1ms", "", ann...).status == 200
	})
}
