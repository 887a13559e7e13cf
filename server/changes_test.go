package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// changed is a message with what happened to it.
type changed struct {
	message
	EditedAt  string `json:"edited_at"`
	Deleted   bool
	Reactions map[string]struct {
		Count int
		Users []string
		Mine  bool
	}
}

const thumb, party = "👍", "🎉"

func TestAMessageLivesOverHTTP(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("den", ann)
	h.do("PUT", "/chats/den/members/bob", "", ann...).want(200)
	posted := h.say("den", "teh text", bob).want(201)
	var m changed
	posted.into(&m)
	at := fmt.Sprintf("/messages/%d", m.ID)
	live := h.follow("/chats/den/stream", ann...)
	live.until("event: ready")

	edit := func(text string, headers ...string) answer {
		return h.do("PATCH", at, `{"text":"`+text+`"}`, with(with(bob, headers...), "Content-Type", asJSON)...)
	}
	tag := posted.header.Get("ETag")
	first := edit("the text", "If-Match", tag).want(200)
	first.into(&m)
	if m.Text != "the text" || m.EditedAt == "" || first.header.Get("ETag") == tag {
		t.Errorf("edited: %s with %s", first.body, first.header.Get("ETag"))
	}
	edit("lost", "If-Match", tag).refused(412, "precondition_failed")
	edit("lost", "If-Match", "W/"+first.header.Get("ETag")).refused(412, "precondition_failed")
	edit("the text!", "If-Match", `"other", `+first.header.Get("ETag")).want(200)
	edit("the text", "If-Match", "*").want(200)
	edit("").refused(400, "invalid_request", "text")
	edit(strings.Repeat("x", 8001)).refused(400, "invalid_request", "text")
	h.do("PATCH", at, `{"text":"x","author":"ann"}`, with(bob, "Content-Type", asJSON)...).refused(400, "invalid_request", "author")
	h.do("PATCH", at, `{"text":"x"}`, with(ann, "Content-Type", asJSON)...).refused(403, "forbidden")

	react := func(method, emoji string, who []string) answer {
		return h.do(method, at+"/reactions/"+url.PathEscape(emoji), "", who...)
	}
	react("PUT", thumb, ann).want(200)
	react("PUT", "\u2764", bob).want(200).into(&m) // the heart that some keyboards send
	if r := m.Reactions[thumb]; r.Count != 1 || r.Mine || r.Users[0] != "ann" || !m.Reactions["\u2764\ufe0f"].Mine {
		t.Errorf("reactions are %+v", m.Reactions)
	}
	for _, bad := range []string{"x", "1", thumb + thumb, "hello", "\ufe0f", " "} {
		react("PUT", bad, ann).refused(400, "invalid_request", "emoji")
	}
	react("DELETE", "\u2764\ufe0f", bob).want(200)
	react("DELETE", party, bob).want(200)
	for _, emoji := range "😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒" {
		react("PUT", string(emoji), bob).want(200)
	}
	react("PUT", party, bob).refused(409, "too_many_reactions")

	reply := h.do("POST", "/messages", fmt.Sprintf(`{"chat":"den","text":"indeed","reply_to":%d}`, m.ID), with(ann, "Content-Type", asJSON)...).want(201)
	var replies history
	if h.do("GET", at+"/replies", "", bob...).want(200).into(&replies); replies.texts() != "indeed" {
		t.Errorf("replies are %s", replies.texts())
	}

	h.do("DELETE", at, "", with(bob, "If-Match", tag)...).refused(412, "precondition_failed")
	h.do("DELETE", at, "", bob...).want(204)
	h.do("DELETE", at, "", bob...).want(204)
	edit("back").refused(409, "deleted")
	react("PUT", thumb, ann).refused(409, "deleted")
	gone := h.do("GET", at, "", ann...).want(200)
	m = changed{}
	if gone.into(&m); !m.Deleted || m.Text != "" || m.Reactions != nil || m.EditedAt != "" {
		t.Errorf("behind its deletion it is %s", gone.body)
	}
	h.do("DELETE", "/messages/99999", "", bob...).refused(404, "not_found")

	for _, want := range []string{"event: message.edited", "event: reaction", `"text":"indeed"`, "event: message.deleted"} {
		live.until(want)
	}
	// Whoever comes later is shown no text that was replaced or deleted, on any framing, from
	// memory and from the database.
	for _, accept := range []string{"text/event-stream", "application/x-ndjson", "text/plain", asJSON} {
		replay := h.do("GET", "/chats/den/stream?after=earliest&timeout=300ms", "", with(bob, "Accept", accept)...).want(200).body
		if strings.Contains(replay, "teh text") || strings.Contains(replay, "the text") || !strings.Contains(replay, "indeed") {
			t.Errorf("as %s a replay is %s", accept, replay)
		}
		if n := strings.Count(replay, "message.edited"); accept != "text/plain" && n != 3 {
			t.Errorf("as %s a replay tells of %d edits", accept, n)
		}
	}
	reply.want(201)
}

func TestAMessageIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("den", ann)
	h.say("den", "build 1 failed", ann).want(201)
	wait := func(query string) answer { return h.do("GET", "/chats/den/wait?"+query, "", ann...) }
	var m message
	if wait("after=earliest&match=build+%5Cd%2B+failed").want(200).into(&m); m.Text != "build 1 failed" {
		t.Errorf("found %+v", m)
	}
	h.do("PUT", fmt.Sprintf("/messages/%d/reactions/%s", m.ID, url.PathEscape("👍")), "", ann...).want(200)
	found, read := wait("after=earliest&match=build").want(200), h.do("GET", fmt.Sprint("/messages/", m.ID), "", ann...).want(200)
	if tag := read.header.Get("ETag"); found.body != read.body || found.header.Get("ETag") != tag || !strings.Contains(read.body, `"mine":true`) {
		t.Errorf("found %s (%s), and read %s (%s)", found.body, found.header.Get("ETag"), read.body, tag)
	}
	wait("after=earliest&match=passed&timeout=50ms").want(204)
	wait("match=failed&timeout=50ms").want(204) // behind now there is nothing
	wait("match=(").refused(400, "invalid_request", "match")
	wait("match="+strings.Repeat("x", 201)).refused(400, "invalid_request", "match")
	wait("match="+url.QueryEscape(strings.Repeat("(.?){1000}", 19)+"Q")).refused(400, "invalid_request", "match") // 19,000 instructions
	wait("after=earliest&match=" + url.QueryEscape("^.{0,300}1 fail[a-z]{1,50}$")).want(200)
	wait("timeout=61s").refused(400, "invalid_request", "timeout")
	wait("timeout=never").refused(400, "invalid_request", "timeout")
	answered := make(chan answer)
	go func() { answered <- wait("match=passed&timeout=30s") }()
	for done := false; !done; {
		h.say("den", "build 2 is going on", ann).want(201)
		h.say("den", "build 2 passed", ann).want(201)
		select {
		case a := <-answered:
			a.want(200).into(&m)
			done = true
		default:
		}
	}
	if m.Text != "build 2 passed" {
		t.Errorf("found %+v", m)
	}
	h.do("GET", "/chats/other/wait", "", ann...).refused(404, "not_found")
}

func TestNoWaitOutlivesItsCredential(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.AccessTTL = "2s" })
	ann := h.user("ann")
	h.chat("den", ann)
	for path, want := range map[string]int{"/chats/den/wait?timeout=30s": 204, "/chats/den/stream": 200} {
		ann = bearer(h.logIn("ann").Token)
		began := time.Now()
		a := h.do("GET", path, "", with(ann, "Accept", asJSON, "Prefer", "wait=30")...).want(want)
		if took := time.Since(began); took > 20*time.Second || strings.Contains(a.body, "message") {
			t.Errorf("%s took %v: %s", path, took, a.body)
		}
		h.do("GET", "/me", "", ann...).refused(401, "invalid_token")
	}
}
