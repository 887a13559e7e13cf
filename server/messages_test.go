package server_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"parley/chat"
)

type message struct {
	ID, Seq      int64
	Chat, Author string
	Text         string
	ReplyTo      int64  `json:"reply_to"`
	ClientID     string `json:"client_id"`
}

func TestEveryFormOfPostingStoresTheTextByteForByte(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	for _, row := range []struct{ name, path, kind, body, text string }{
		{"JSON", "/messages", asJSON, `{"chat":"lobby","text":"häl\u006co\n"}`, "häl" + "lo\n"},
		{"a form", "/messages", asForm, `chat=lobby&text=h%C3%A4llo+you%0A`, "hällo you\n"},
		{"JSON to a chat", "/chats/lobby/messages", asJSON, `{"text":" \t "}`, " \t "},
		{"JSON with its charset", "/chats/lobby/messages", "application/json; charset=UTF-8", `{"text":"a"}`, "a"},
		{"plain text", "/chats/lobby/messages", "text/plain; charset=utf-8", "a\r\nb\u2028c", "a\r\nb\u2028c"},
		{"what curl -d sends", "/chats/lobby/messages", asForm, `text=a&b=%20+c`, `text=a&b=%20+c`},
		{"8,000 characters of four bytes", "/chats/lobby/messages", "text/plain", strings.Repeat("😀", 8000), strings.Repeat("😀", 8000)},
	} {
		a := h.do("POST", row.path, row.body, with(ann, "Content-Type", row.kind)...).want(201)
		var m, got message
		a.into(&m)
		if m.Text != row.text || m.Author != "ann" || m.Chat != "lobby" {
			t.Errorf("%s: stored %q by %s", row.name, m.Text, m.Author)
		}
		location := fmt.Sprintf("/messages/%d", m.ID)
		read := h.do("GET", location, "", ann...).want(200)
		read.into(&got)
		if a.header.Get("Location") != location || !reflect.DeepEqual(got, m) || a.header.Get("ETag") == "" || a.header.Get("ETag") != read.header.Get("ETag") {
			t.Errorf("%s: at %s is %v with %s, not %v with %s", row.name, a.header.Get("Location"), got, read.header.Get("ETag"), m, a.header.Get("ETag"))
		}
		h.do("GET", location, "", with(ann, "If-None-Match", a.header.Get("ETag"))...).want(304)
		h.do("GET", location, "", with(ann, "If-None-Match", `"other"`)...).want(200)
		if head := h.do("HEAD", location, "", ann...).want(200); head.header.Get("ETag") != a.header.Get("ETag") {
			t.Errorf("%s: HEAD has another ETag", row.name)
		}
	}
	id := h.do("POST", "/chats/lobby/messages", "hello", with(ann, "Content-Type", asForm, "Accept", "text/plain")...).want(201)
	if id.header.Get("Location") != "/messages/"+id.body || !strings.HasPrefix(id.header.Get("Content-Type"), "text/plain") {
		t.Errorf("not the id alone: %q %v", id.body, id.header)
	}
	reply := h.do("POST", "/messages", "chat=lobby&text=re&reply_to="+id.body, with(ann, "Content-Type", asForm)...).want(201)
	var m message
	if reply.into(&m); fmt.Sprint(m.ReplyTo) != id.body {
		t.Errorf("a reply to %d", m.ReplyTo)
	}
}

func TestARepeatedKeyAnswersWithTheFirstMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	post := func(body string, headers ...string) answer {
		return h.do("POST", "/chats/lobby/messages", body, with(with(ann, headers...), "Content-Type", asJSON)...)
	}
	first := post(`{"text":"a","client_id":"k"}`).want(201)
	for _, again := range []answer{
		post(`{"text":"a","client_id":"k"}`),
		post(`{"text":"a"}`, "Idempotency-Key", "k"),
		post(`{"text":"a","client_id":"k"}`, "Idempotency-Key", "k"),
		h.do("POST", "/chats/lobby/messages", "a", with(ann, "Idempotency-Key", "k", "Content-Type", "text/plain")...),
	} {
		again.want(200)
		if again.header.Get("Idempotency-Replayed") != "true" || again.body != first.body || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("not the first message: %s", again.body)
		}
	}
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first is called a repetition")
	}
	post(`{"text":"b","client_id":"k"}`).refused(422, "idempotency_mismatch")
	post(`{"text":"a","client_id":"k"}`, "Idempotency-Key", "l").refused(400, "invalid_request", "client_id")
	post(`{"text":"a"}`, "Idempotency-Key", "k", "Idempotency-Key", "l").refused(400, "invalid_request", "Idempotency-Key")
	post(`{"text":"a"}`, "Idempotency-Key", "").refused(400, "invalid_request", "Idempotency-Key")
	post(`{"text":"a"}`, "X-Origin", "a b").refused(400, "invalid_request", "X-Origin")
	post(`{"text":"a"}`, "X-Origin", "").refused(400, "invalid_request", "X-Origin")
}

// links reads a Link header (RFC 8288) of ours.
func (a answer) links() map[string]string {
	links := make(map[string]string)
	for _, link := range strings.Split(a.header.Get("Link"), ", ") {
		if to, rel, ok := strings.Cut(link, `>; rel="`); ok {
			links[strings.TrimSuffix(rel, `"`)] = strings.TrimPrefix(to, "<")
		}
	}
	return links
}

type history struct {
	Messages []message
	Cursor   int64
}

func (p history) texts() string {
	var texts []string
	for _, m := range p.Messages {
		texts = append(texts, m.Text)
	}
	return strings.Join(texts, " ")
}

func TestLinksLeadThroughAHistoryInBothDirections(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	for i := range 7 {
		h.do("POST", "/chats/lobby/messages", fmt.Sprint(i), with(ann, "Content-Type", "text/plain")...).want(201)
	}
	walk := func(path, rel string) (pages []string, last answer) {
		for path != "" {
			last = h.do("GET", path, "", ann...).want(200)
			var p history
			last.into(&p)
			pages = append(pages, p.texts())
			path = last.links()[rel]
		}
		return pages, last
	}
	back, first := walk("/chats/lobby/messages?limit=3", "prev")
	if got := strings.Join(back, "|"); got != "4 5 6|1 2 3|0" {
		t.Errorf("back: %s", got)
	}
	forth, newest := walk(first.links()["next"], "next")
	if got := strings.Join(forth, "|"); got != "1 2 3|4 5 6" {
		t.Errorf("forth: %s", got)
	}
	beyond := fmt.Sprint("/chats/lobby/messages?limit=3&after=", int64(chat.MaxPosition))
	if back, _ := walk(beyond, "prev"); strings.Join(back, "|") != "|4 5 6|1 2 3|0" {
		t.Errorf("back from behind the last position: %q", back)
	}
	var p history
	newest.into(&p)
	// Nothing is beyond the cursor, and a stream from there misses nothing.
	s := h.follow(fmt.Sprintf("/chats/lobby/stream?after=%d", p.Cursor), ann...)
	h.say("lobby", "the-one-after", ann)
	if block := s.until("data: {\"id\""); !strings.Contains(block, "the-one-after") {
		t.Errorf("first on the stream: %s", block)
	}
}

func TestAStoredMessageReachesItsReaderWithTheSameBytes(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	s := h.follow("/chats/lobby/stream", ann...)
	s.until("event: ready")
	all := h.follow("/stream?limit=1", ann...)
	all.until("event: ready")
	posted := h.say("lobby", "the-very-text", ann)
	if block := s.until("the-very-text"); !strings.Contains(block, "data: "+posted.body) {
		t.Errorf("answered %s, told %s", posted.body, block)
	}
	all.until("the-very-text")
	all.until(`{"reason":"limit"}`)
	if rest, ok := all.block(); rest != "" || ok {
		t.Errorf("behind the bye: %q", rest)
	}
}

func TestATabsOwnMessagesAreLeftOutOfItsStreamAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	tab := h.follow("/chats/lobby/stream?origin=TAB", ann...)
	tab.until("event: ready")
	other := h.follow("/chats/lobby/stream", ann...)
	other.until("event: ready")
	h.say("lobby", "typed-in-the-tab", with(ann, "X-Origin", "TAB"))
	h.say("lobby", "typed-elsewhere", ann)
	other.until("typed-in-the-tab")
	for {
		block, ok := tab.block()
		if strings.Contains(block, "typed-in-the-tab") || !ok {
			t.Fatalf("the tab is told %q", block)
		}
		if strings.Contains(block, "typed-elsewhere") {
			break
		}
	}
}
