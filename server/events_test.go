package server_test

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/e2e/described"
	"parley/e2e/sse"
)

// heard collects the events of streams and holds each to docs/openapi.yaml.
type heard struct {
	*house
	mu    sync.Mutex
	names map[string]int
	ends  sync.WaitGroup
}

func (k *heard) take(name string, object []byte) {
	whole := string(object)
	described.Event(object, func(line string) { k.deviates(whole + ": " + line) })
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names[name]++
}

func (k *heard) has(name string) bool { return k.count(name) > 0 }

func (k *heard) count(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.names[name]
}

// listen reads a stream of server-sent events to its end.
func (k *heard) listen(body io.ReadCloser) {
	k.t.Cleanup(func() { body.Close() })
	k.ends.Go(func() {
		for r := sse.NewReader(body); ; {
			b, err := r.Next()
			if err != nil {
				return
			}
			if b.HasData {
				k.take(b.Name, described.Object(b.Name, b.ID, b.Data))
			}
		}
	})
}

// listenToLines does so for a stream of objects.
func (k *heard) listenToLines(body io.ReadCloser) {
	k.t.Cleanup(func() { body.Close() })
	k.ends.Go(func() {
		for lines := bufio.NewScanner(body); lines.Scan(); {
			if object := lines.Bytes(); len(object) > 0 {
				name, _, _ := strings.Cut(strings.TrimPrefix(string(object), `{"event":"`), `"`)
				k.take("line "+name, object)
			}
		}
	})
}

// lines opens a stream of objects, one a line.
func (h *house) lines(path string, headers ...string) io.ReadCloser {
	h.t.Helper()
	return h.send("GET", path, nil, with(headers, "Accept", "application/x-ndjson")...).Body
}

func TestEveryEventOfAStreamIsAsDescribed(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.Ping = "100ms" })
	ann, bob, cid := h.user("ann"), h.user("bob"), h.user("cid")
	as := with(ann, "Content-Type", asJSON)
	k := &heard{house: h, names: map[string]int{}}
	follow := func(path string, headers ...string) { k.listen(h.follow(path, headers...).body) }
	lines := func(path string, headers ...string) { k.listenToLines(h.lines(path, headers...)) }

	// Its tokens live so briefly that a stream soon tells of their end.
	brief := open(t, func(s *settings) { s.AccessTTL = "6s" })
	eve := brief.user("eve")
	k.listen(brief.follow("/stream", eve...).body)
	k.listenToLines(brief.lines("/stream", eve...))

	follow("/stream?errors=inband")
	lines("/chats/nowhere/stream?errors=inband", bob...)
	follow("/stream?after=earliest", bob...)
	follow("/stream", ann...)
	lines("/stream?after=earliest", ann...)
	h.chat("lobby", ann)
	h.chat("den", ann)
	follow("/chats/lobby/stream?after=999999999999&limit=8", ann...)
	follow("/chats/den/stream", ann...)
	lines("/chats/lobby/stream?timeout=10ms", ann...)
	h.do("PUT", "/chats/lobby/members/bob", `{"role":"guest"}`, as...).want(200)
	h.do("PUT", "/chats/lobby/members/bob", `{"role":"member"}`, as...).want(200)
	h.do("PATCH", "/chats/lobby", `{"title":"The great hall","visibility":"public"}`, as...).want(200)
	h.do("PUT", "/chats/lobby/members/cid", "", ann...).want(200)
	follow("/stream", cid...)
	said := h.do("POST", "/messages", `{"chat":"lobby","text":"hello","client_id":"a1"}`, as...).want(201).header.Get("Location")
	h.do("PATCH", said, `{"text":"hello, all"}`, as...).want(200)
	h.do("PUT", said+"/reactions/%F0%9F%91%8D", "", ann...).want(200)
	h.do("DELETE", said, "", ann...).want(204)
	// A signal is dropped first, where a stream has a message to carry: it is sent, with nothing
	// else, until it is heard. Each message can be marked as read once.
	var unread []string
	for range 20 {
		unread = append(unread, strings.TrimPrefix(h.say("lobby", "one more", ann).want(201).header.Get("Location"), "/messages/"))
	}
	h.eventually("all messages by four streams", func() bool { return k.count("") >= 3*20 && k.count("line message") >= 20 })
	h.eventually("the signals", func() bool {
		if len(unread) > 0 {
			h.do("PUT", "/chats/lobby/read", `{"id":`+unread[0]+`}`, with(bob, "Content-Type", asJSON)...).want(204)
			unread = unread[1:]
		}
		h.do("POST", "/chats/lobby/typing", "", bob...).want(204)
		return k.has("read") && k.has("line read") && k.has("typing") && k.has("line typing")
	})
	h.do("DELETE", "/chats/lobby/members/bob", "", ann...).want(204)
	h.do("DELETE", "/chats/den", "", ann...).want(204)
	for _, name := range []string{
		"", "message.edited", "message.deleted", "reaction", "chat.updated", "chat.deleted", "chat.joined", "chat.left", "member.joined", "member.updated",
		"presence", "ready", "ping", "auth", "reset", "bye", "problem",
		"line message", "line message.edited", "line message.deleted", "line reaction", "line chat.updated", "line chat.joined", "line member.left", "line ready", "line auth", "line bye", "line problem",
	} {
		h.eventually("an event "+name, func() bool { return k.has(name) })
	}
	h.drained()
	brief.drained()
	done := make(chan struct{})
	go func() { k.ends.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("streams go on behind the drain")
	}
}
