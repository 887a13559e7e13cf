package server_test

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"testing"
)

// Clients that split lines by Unicode's rules, as Python's do, would break an answer
// or a frame in two.
func TestALineEndOfUnicodeIsEscapedInEveryAnswer(t *testing.T) {
	t.Parallel()
	const ends = "\u0085\u2028\u2029"
	h := open(t)
	body := func(v map[string]string) string {
		data, _ := json.Marshal(v)
		return string(data)
	}
	h.do("POST", "/users", body(map[string]string{"username": "ann", "password": password, "display_name": "A" + ends}), "Content-Type", asJSON).want(201)
	ann := bearer(h.logIn("ann").Token)
	as := with(ann, "Content-Type", asJSON)
	read := func(method, path, body string, headers ...string) answer {
		a := h.do(method, path, body, headers...)
		if strings.ContainsAny(a.body, ends) {
			t.Errorf("%s: a line end in %q", a.asked, a.body)
		}
		return a
	}
	read("POST", "/chats", body(map[string]string{"id": "lobby", "title": "T" + ends}), as...).want(201)
	for _, path := range []string{"/me", "/chats", "/chats/lobby", "/chats/lobby/members"} {
		read("GET", path, "", ann...).want(200)
	}
	posted := read("POST", "/chats/lobby/messages", "a"+ends+"b", with(ann, "Content-Type", "text/plain")...).want(201)
	again := read("GET", posted.header.Get("Location"), "", ann...).want(200)
	if posted.body != again.body || posted.header.Get("ETag") != again.header.Get("ETag") {
		t.Errorf("posted %q, read %q", posted.body, again.body)
	}
	var message struct{ Text string }
	if again.into(&message); message.Text != "a"+ends+"b" {
		t.Errorf("the text comes back as %q", message.Text)
	}
	read("GET", "/chats/lobby/messages", "", ann...).want(200)
	read("POST", "/chats", `{"x`+ends+`":1}`, as...).refused(400, "invalid_request")
	read("POST", "/chats", url.Values{"x" + ends: {""}}.Encode(), with(ann, "Content-Type", asForm)...).refused(400, "invalid_request")
	// The limit is the events up to the message, of which text shows none but that.
	for framing, limit := range map[string]string{"text/event-stream": "2", "application/x-ndjson": "2", "text/plain": "1", "application/json": "2"} {
		for _, path := range []string{"/stream", "/chats/lobby/stream"} {
			res := h.send("GET", path+"?after=earliest&limit="+limit, nil, with(ann, "Accept", framing)...)
			told, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
			res.Body.Close()
			if err != nil || strings.ContainsAny(string(told), ends) {
				t.Errorf("%s as %s: %q, %v", path, framing, told, err)
			}
			if framing != "text/plain" && !strings.Contains(string(told), `a\u0085\u2028\u2029b`) {
				t.Errorf("%s as %s: the text is not in %q", path, framing, told)
			}
		}
	}
}
