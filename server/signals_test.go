package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/e2e/need"
)

// twoInstances are two servers on one PostgreSQL.
func twoInstances(t *testing.T) (here, there *house) {
	t.Helper()
	database := need.Postgres(t)
	shared := func(s *settings) { s.Database, s.Bus = database, "postgres" }
	return open(t, shared), open(t, shared)
}

func (h *house) markers(chatID string, who []string) (markers []string) {
	h.t.Helper()
	var list struct {
		Markers []struct {
			Username string
			ID       int64
		}
	}
	h.do("GET", "/chats/"+chatID+"/read", "", who...).want(200).into(&list)
	for _, m := range list.Markers {
		markers = append(markers, fmt.Sprint(m.Username, " ", m.ID))
	}
	return markers
}

func (h *house) present(chatID string, who []string) []string {
	h.t.Helper()
	var list struct{ Present []string }
	h.do("GET", "/chats/"+chatID+"/presence", "", who...).want(200).into(&list)
	return list.Present
}

func (h *house) unread(chatID string, who []string) int64 {
	h.t.Helper()
	var ch struct{ Unread int64 }
	h.do("GET", "/chats/"+chatID, "", who...).want(200).into(&ch)
	return ch.Unread
}

func TestSignalsGoFromOneInstanceToTheStreamsOfAnother(t *testing.T) {
	t.Parallel()
	here, there := twoInstances(t)
	ann, bob := here.user("ann"), here.user("bob")
	here.chat("lobby", ann)
	here.do("PUT", "/chats/lobby/members/bob", "", ann...).want(200)
	var m message
	here.say("lobby", "hello there", ann).into(&m)

	stream := there.follow("/stream", ann...)
	stream.until("event: ready")
	here.do("POST", "/chats/lobby/typing", "", bob...).want(204)
	if block := stream.until("event: typing"); block != "event: typing\n"+`data: {"chat":"lobby","username":"bob"}` {
		t.Errorf("typing is %q", block)
	}
	if n := here.unread("lobby", bob); n != 1 {
		t.Errorf("bob has %d unread", n)
	}
	here.do("PUT", "/chats/lobby/read", fmt.Sprintf(`{"id":%d}`, m.ID), with(bob, "Content-Type", asJSON)...).want(204)
	if block := stream.until("event: read\n"); block != "event: read\n"+fmt.Sprintf(`data: {"chat":"lobby","username":"bob","id":%d}`, m.ID) {
		t.Errorf("read is %q", block)
	}
	if n := there.unread("lobby", bob); n != 0 {
		t.Errorf("bob has %d unread", n)
	}
	if got := there.markers("lobby", ann); !slices.Equal(got, []string{fmt.Sprint("bob ", m.ID)}) {
		t.Errorf("the markers are %q", got)
	}

	bobs := here.follow("/chats/lobby/stream", bob...)
	if block := stream.until("event: presence"); !strings.HasSuffix(block, `{"chat":"lobby","username":"bob","present":true}`) {
		t.Errorf("presence is %q", block)
	}
	for _, h := range []*house{here, there} {
		h.eventually("both are present", func() bool { return slices.Equal(h.present("lobby", bob), []string{"ann", "bob"}) })
	}
	bobs.body.Close()
	if block := stream.until("event: presence"); !strings.HasSuffix(block, `{"chat":"lobby","username":"bob","present":false}`) {
		t.Errorf("presence is %q", block)
	}
	for _, h := range []*house{here, there} {
		if got := h.present("lobby", bob); !slices.Equal(got, []string{"ann"}) {
			t.Errorf("present are %q", got)
		}
	}
}

func TestSignalsAndMarkersAreRefusedAsTheContractSays(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, gus, zoe := h.user("ann"), h.user("gus"), h.user("zoe")
	h.chat("lobby", ann)
	h.chat("attic", ann)
	h.do("PUT", "/chats/lobby/members/gus", `{"role":"guest"}`, with(ann, "Content-Type", asJSON)...).want(200)
	var m, other message
	h.say("lobby", "one of lobby", ann).into(&m)
	h.say("attic", "one of attic", ann).into(&other)
	read := func(body string, who []string) answer {
		return h.do("PUT", "/chats/lobby/read", body, with(who, "Content-Type", asJSON)...)
	}
	h.do("POST", "/chats/lobby/typing", "", gus...).refused(403, "read_only")
	h.do("POST", "/chats/lobby/typing", "", zoe...).refused(404, "not_found")
	h.do("POST", "/chats/lobby/typing", `{"username":"ann"}`, with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request", "username")
	for _, body := range []string{
		"", `{}`, `{"id":0}`, `{"id":-1}`, `{"id":null}`, fmt.Sprintf(`{"id":%d}`, other.ID), fmt.Sprintf(`{"id":%d}`, m.ID-1), `{"id":9223372036854775807}`,
	} {
		read(body, gus).refused(400, "invalid_request", "id")
	}
	read(fmt.Sprintf(`{"id":%d}`, m.ID), zoe).refused(404, "not_found")
	if got := h.markers("lobby", ann); got != nil {
		t.Errorf("there are markers: %q", got)
	}
	for range 2 {
		read(fmt.Sprintf(`{"id":%d}`, m.ID), gus).want(204)
	}
	if got := h.markers("lobby", gus); !slices.Equal(got, []string{fmt.Sprint("gus ", m.ID)}) {
		t.Errorf("the markers are %q", got)
	}
	if got := h.present("lobby", gus); got == nil || len(got) != 0 {
		t.Errorf("present are %q", got)
	}
	for _, path := range []string{"/chats/lobby/read", "/chats/lobby/presence"} {
		h.do("GET", path, "", zoe...).refused(404, "not_found")
		h.do("GET", path+"?after=A", "", ann...).refused(400, "invalid_request", "after")
	}
}

// The posts of a user are not kept from being posted by signals, and the other way round.
func TestTypingIsLimitedByRateAsPostingIs(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.PostRate = "1" })
	ann := h.user("ann")
	h.chat("lobby", ann)
	var a answer
	for range 21 {
		a = h.do("POST", "/chats/lobby/typing", "", ann...)
	}
	a.refused(429, "rate_limited")
	if a.header.Get("Retry-After") == "" || a.header.Get("RateLimit") == "" {
		t.Errorf("without its headers: %v", a.header)
	}
	h.say("lobby", "a post is free", ann)
}

// Also those of somebody who may not see the chat, and of each user apart.
func TestListsOfWhoIsPresentAreLimitedByRate(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, zoe := h.user("ann"), h.user("zoe")
	h.chat("lobby", ann)
	list := func(who []string) answer { return h.do("GET", "/chats/lobby/presence", "", who...) }
	if a := list(ann).want(200); a.header.Get("RateLimit-Policy") != `"presence";q=600;w=60` {
		t.Errorf("the limit is %q", a.header.Get("RateLimit-Policy"))
	}
	refusedAfter(t, "presence", 600, 404, "not_found", func(int) answer { return list(zoe) })
	list(ann).want(200)
}

func TestTypingOverAndOverIsOneFrameASecond(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.Limits = "off" })
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("lobby", ann)
	h.do("PUT", "/chats/lobby/members/bob", "", ann...).want(200)
	stream := h.follow("/chats/lobby/stream?timeout=2s", ann...)
	began := time.Now()
	for range 50 {
		h.do("POST", "/chats/lobby/typing", "", bob...).want(204)
	}
	frames := 0
	for block, ok := stream.block(); ok; block, ok = stream.block() {
		if strings.HasPrefix(block, "event: typing") {
			frames++
		}
	}
	if most := 1 + int(time.Since(began)/time.Second); frames < 1 || frames > most {
		t.Errorf("%d frames, want 1 to %d", frames, most)
	}
}
