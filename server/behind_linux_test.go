package server_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// The portable path has no event loops to wait for.
func TestABatchOfPostsIsHeldWhileStreamsAreBehind(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.Limits, s.Streams = "off", "" })
	ann := h.user("ann")
	h.chat("lobby", ann)
	var request strings.Builder
	request.WriteString("GET /chats/lobby/stream HTTP/1.1\r\nHost: x\r\n")
	for i := 0; i < len(ann); i += 2 {
		fmt.Fprintf(&request, "%s: %s\r\n", ann[i], ann[i+1])
	}
	request.WriteString("\r\n")
	for range 800 {
		if _, err := io.WriteString(h.connect(), request.String()); err != nil {
			t.Fatal(err)
		}
	}
	metric := func(name string) float64 { return h.do("GET", "/metrics", "").metric(name) }
	h.eventually("all follow", func() bool { return metric("parley_streams_open") == 800 })
	h.eventually("a batch of posts is held", func() bool {
		h.say("lobby", "hello all of you", ann)
		return metric("parley_batches_held_seconds_count") > 0
	})
}
