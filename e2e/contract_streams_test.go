package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// frame is one block of a stream, as it is written.
type frame struct {
	lines          []string
	name, id, data string
	hasID, hasData bool
	retry          bool
}

// event says that it is dispatched and has a place in the log.
func (f frame) event() bool { return f.hasID && f.hasData && f.name != "reset" }

func (f frame) object(t testing.TB) map[string]any {
	t.Helper()
	o, err := objectOf([]byte(f.data))
	if err != nil {
		t.Errorf("%v in %q", err, f.lines)
	}
	return o
}

// with expects the data to have exactly these fields.
func (f frame) with(t testing.TB, names ...string) map[string]any {
	t.Helper()
	o := f.object(t)
	if !fieldsAre(o, names...) {
		t.Errorf("%q should have the fields %q", f.lines, names)
	}
	return o
}

// stream is one that is open.
type stream struct {
	t        testing.TB
	path     string
	response *http.Response
	lines    *bufio.Reader
}

// openStream opens a stream.
func openStream(t testing.TB, p *process, path string, with ...with) *stream {
	t.Helper()
	response := request(t, p, "GET", path, "", with...)
	t.Cleanup(func() { response.Body.Close() })
	if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("GET %s: %s, %s: %s", path, response.Status, kind, body)
	}
	return &stream{t, path, response, bufio.NewReader(response.Body)}
}

// next is the next whole block.
func (s *stream) next() (frame, error) {
	var f frame
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return f, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return f, nil
		}
		f.lines = append(f.lines, line)
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			f.name = value
		case "id":
			f.id, f.hasID = value, true
		case "data":
			if f.hasData {
				f.data += "\n"
			}
			f.data, f.hasData = f.data+value, true
		case "retry":
			f.retry = true
		default:
			s.t.Errorf("%s: an unknown line: %q", s.path, line)
		}
	}
}

// until reads to the next frame of that name, "" for a message.
func (s *stream) until(name string) frame {
	s.t.Helper()
	for {
		f, err := s.next()
		if err != nil {
			s.t.Fatalf("%s: waiting for %q: %v", s.path, name, err)
		}
		if f.hasData && f.name == name {
			return f
		}
		if f.name == "bye" {
			s.t.Fatalf("%s: waiting for %q: %q", s.path, name, f.lines)
		}
	}
}

// event reads to the next event of the log.
func (s *stream) event() frame {
	s.t.Helper()
	for {
		f, err := s.next()
		if err != nil || f.name == "bye" {
			s.t.Fatalf("%s: waiting for an event: %v, %q", s.path, err, f.lines)
		}
		if f.event() {
			return f
		}
	}
}

// untilReady reads the events up to ready.
func (s *stream) untilReady() []frame {
	s.t.Helper()
	var events []frame
	for {
		f, err := s.next()
		if err != nil {
			s.t.Fatalf("%s: waiting for ready: %v", s.path, err)
		}
		if f.name == "ready" {
			return events
		}
		if f.event() {
			events = append(events, f)
		}
	}
}

// untilBye reads to the end, which must be a bye of that reason and then, by the
// reason, a clean end or none. It returns the events before it.
func (s *stream) untilBye(reason string) []frame {
	s.t.Helper()
	var events []frame
	for {
		f, err := s.next()
		if err != nil {
			s.t.Fatalf("%s: waiting for bye %s: %v", s.path, reason, err)
		}
		if f.event() {
			events = append(events, f)
		}
		if f.name == "bye" {
			if o := f.with(s.t, "reason"); o["reason"] != reason || f.hasID {
				s.t.Errorf("%s: the end is %q, should be %s", s.path, f.lines, reason)
			}
			break
		}
	}
	want := io.EOF
	if reason == "rotate" || reason == "shutdown" {
		want = io.ErrUnexpectedEOF
	}
	if f, err := s.next(); !errors.Is(err, want) || len(f.lines) > 0 {
		s.t.Errorf("%s: bye %s is followed by %q, %v; should be by %v", s.path, reason, f.lines, err, want)
	}
	return events
}

// eventsOf is what a stream replays from the beginning.
func eventsOf(t testing.TB, p *process, who *account, path string) []frame {
	t.Helper()
	s := openStream(t, p, path+"?after=earliest", bearer(who.token))
	defer s.response.Body.Close()
	return s.untilReady()
}

// briefly is what events are, to be told of: names and ids.
func briefly(events []frame) []string {
	var all []string
	for _, f := range events {
		name := f.name
		if name == "" {
			name = "message"
		}
		all = append(all, name+" "+f.id)
	}
	return all
}

func TestContractAStreamBeginsWhereItsReaderIs(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	as, path := bearer(ann.token), "/chats/"+chatID+"/stream"
	first, second := say(t, p, ann, chatID, newText()), say(t, p, ann, chatID, newText())

	// opening expects the frames up to ready: retry, the place, the replay.
	opening := func(t *testing.T, s *stream) (place frame, replay []frame) {
		t.Helper()
		for n := 0; ; n++ {
			f, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case n == 0:
				if len(f.lines) != 1 || !regexp.MustCompile(`^retry: [0-9]+$`).MatchString(f.lines[0]) {
					t.Errorf("the first frame is %q", f.lines)
				}
			case n == 1:
				if f.name != "reset" && (len(f.lines) != 1 || !f.hasID) {
					t.Errorf("the second frame is %q", f.lines)
				}
				place = f
			case f.name == "ready":
				if head := integer(t, f.with(t, "head")["head"]); f.hasID || head < headOf(t, p, ann, chatID) {
					t.Errorf("ready is %q", f.lines)
				}
				return place, replay
			case f.event():
				replay = append(replay, f)
			default:
				t.Errorf("before ready comes %q", f.lines)
			}
		}
	}
	live := func(t *testing.T, s *stream) {
		t.Helper()
		m := say(t, p, ann, chatID, newText())
		f := s.event()
		if f.id != idOf(m) || f.name != "" || strings.HasPrefix(f.lines[0], "event") {
			t.Errorf("the live message %v is %q", m, f.lines)
		}
		if o := f.object(t); fmt.Sprint(o) != fmt.Sprint(m) {
			t.Errorf("the live message %v is %v", m, o)
		}
	}
	for _, path := range []string{path, "/stream"} {
		t.Run("now, unless said, on "+strings.TrimPrefix(path, "/chats/"+chatID), func(t *testing.T) {
			for _, query := range []string{"", "?after=now"} {
				s := openStream(t, p, path+query, as)
				place, replay := opening(t, s)
				if len(replay) > 0 || place.name == "reset" || integer(t, number(place.id)) < headOf(t, p, ann, chatID) {
					t.Errorf("it begins at %s with %q", place.id, briefly(replay))
				}
				live(t, s)
			}
		})
		t.Run("earliest, on "+strings.TrimPrefix(path, "/chats/"+chatID), func(t *testing.T) {
			s := openStream(t, p, path+"?after=earliest", as)
			_, replay := opening(t, s)
			if len(replay) < 3 || integer(t, replay[0].object(t)["seq"]) != 1 || replay[1].id != idOf(first) || replay[2].id != idOf(second) {
				t.Errorf("it begins with %q", briefly(replay))
			}
			live(t, s)
		})
		t.Run("at an id, on "+strings.TrimPrefix(path, "/chats/"+chatID), func(t *testing.T) {
			for _, s := range []*stream{
				openStream(t, p, path+"?after="+idOf(first), as),
				openStream(t, p, path, as, header("Last-Event-ID", idOf(first))),
				openStream(t, p, path+"?after=earliest", as, header("Last-Event-ID", idOf(first))),
				openStream(t, p, path+"?after=now", as, header("Last-Event-ID", idOf(first))),
			} {
				place, replay := opening(t, s)
				if place.id != idOf(first) || len(replay) == 0 || replay[0].id != idOf(second) {
					t.Errorf("it begins at %s with %q", place.id, briefly(replay))
				}
				s.response.Body.Close()
			}
		})
		t.Run("reset where the place is gone, on "+strings.TrimPrefix(path, "/chats/"+chatID), func(t *testing.T) {
			for cursor, reason := range map[string]string{
				"rubbish": "malformed", "-5": "malformed", "1.5": "malformed", "0x10": "malformed", "1234567890123456789": "malformed",
				strings.Repeat("9", 40): "malformed", "999999999999999999": "ahead", fmt.Sprint(headOf(t, p, ann, chatID) + 1000): "ahead",
			} {
				for _, open := range []func() *stream{
					func() *stream { return openStream(t, p, path+"?after="+cursor, as) },
					func() *stream {
						return openStream(t, p, path+"?after="+idOf(first), as, header("Last-Event-ID", cursor))
					},
				} {
					head := headOf(t, p, ann, chatID)
					s := open()
					place, replay := opening(t, s)
					o := place.with(t, "reason", "cursor")
					if place.name != "reset" || o["reason"] != reason || fmt.Sprint(o["cursor"]) != place.id || len(replay) > 0 || cursorOf(t, o) != head {
						t.Errorf("%s: it begins with %q, then %q; the head is %d", cursor, place.lines, briefly(replay), head)
					}
					live(t, s)
					s.response.Body.Close()
				}
			}
		})
	}
	t.Run("SSE for whoever takes it", func(t *testing.T) {
		for _, accept := range []string{"text/event-stream", "*/*", "text/*", "text/html, text/event-stream;q=0.5"} {
			openStream(t, p, path, as, header("Accept", accept)).until("ready")
		}
		for _, accept := range []string{"text/html", "image/png"} {
			ask(t, p, "GET", path, "", as, header("Accept", accept)).problem(406, "")
		}
	})
	t.Run("a text comes as it was posted", func(t *testing.T) {
		s := openStream(t, p, path, as)
		s.until("ready")
		text := newText() + "\r\n\n\revent: bye\ndata: x\n\u2028\x1b ü 👩‍👧"
		ask(t, p, "POST", "/chats/"+chatID+"/messages", text, ofKind(textKind), as).is(201)
		if f := s.event(); f.object(t)["text"] != text {
			t.Errorf("%q is %q", text, f.lines)
		}
	})
}

func TestContractEachEventOfAChatIsOneFrame(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob, cyd := newAccount(t, p), newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	path := "/chats/" + chatID
	live := openStream(t, p, path+"/stream?after=earliest", bearer(ann.token))

	member := func(who *account, role string) string {
		return fmt.Sprint(map[string]any{"username": who.name, "role": role, "chat": chatID})
	}
	var messages []map[string]any
	post := func(who *account) string {
		m := say(t, p, who, chatID, newText())
		messages = append(messages, m)
		return idOf(m)
	}
	changed := func(title, visibility string) string {
		return fmt.Sprint(map[string]any{"title": title, "visibility": visibility, "chat": chatID})
	}
	want := [][2]string{{"member.joined", member(ann, "owner")}}
	expect := func(name, what string) { want = append(want, [2]string{name, what}) }
	expect("", post(ann))
	putMember(t, p, ann, chatID, bob, "member")
	expect("member.joined", member(bob, "member"))
	expect("", post(bob))
	putMember(t, p, ann, chatID, bob, "admin")
	expect("member.updated", member(bob, "admin"))
	putMember(t, p, ann, chatID, bob, "admin") // changes nothing
	putMember(t, p, bob, chatID, cyd, "member")
	expect("member.joined", member(cyd, "member"))
	ask(t, p, "PATCH", path, `{"title":"Lobby"}`, bearer(bob.token)).is(200)
	expect("chat.updated", changed("Lobby", "private"))
	ask(t, p, "PATCH", path, `{"visibility":"public"}`, bearer(ann.token)).is(200)
	expect("chat.updated", changed("Lobby", "public"))
	removeMember(t, p, bob, chatID, cyd)
	expect("member.left", member(cyd, "member"))
	removeMember(t, p, bob, chatID, bob)
	expect("member.left", member(bob, "admin"))
	expect("", post(ann))

	check := func(events []frame) {
		t.Helper()
		if len(events) != len(want) {
			t.Fatalf("the events are %q, should be %q", briefly(events), want)
		}
		var last int64
		said := 0
		for i, f := range events {
			o := f.object(t)
			if seq := integer(t, o["seq"]); seq != int64(i+1) {
				t.Errorf("event %d has seq %d", i+1, seq)
			}
			if id := integer(t, number(f.id)); id <= last {
				t.Errorf("%d comes behind %d", id, last)
			} else {
				last = id
			}
			if f.name != want[i][0] {
				t.Errorf("event %d is %q, should be %q", i+1, f.lines, want[i])
				continue
			}
			switch {
			case f.name == "":
				if fmt.Sprint(o) != fmt.Sprint(messages[said]) || f.id != want[i][1] {
					t.Errorf("event %d is %q, should be %v", i+1, f.lines, messages[said])
				}
				said++
			case f.name == "chat.updated":
				f.with(t, "seq", "chat", "title", "visibility")
			default:
				f.with(t, "seq", "chat", "username", "role")
			}
			if delete(o, "seq"); f.name != "" && fmt.Sprint(o) != want[i][1] {
				t.Errorf("event %d is %q, should be %q", i+1, f.lines, want[i])
			}
		}
	}
	var events []frame
	for range want {
		events = append(events, live.event())
	}
	check(events)
	check(eventsOf(t, p, ann, path+"/stream"))

	ask(t, p, "DELETE", path, "", bearer(ann.token)).is(204)
	f := live.event()
	if o := f.with(t, "seq", "chat"); f.name != "chat.deleted" || o["chat"] != chatID || integer(t, o["seq"]) != int64(len(want)+1) {
		t.Errorf("the last event is %q", f.lines)
	}
	if more := live.untilBye("deleted"); len(more) > 0 {
		t.Errorf("behind the deletion comes %q", briefly(more))
	}
}

func TestContractTheStreamOfAllChatsTellsOnesOwnComingAndGoing(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob, cyd := newAccount(t, p), newAccount(t, p), newAccount(t, p)
	own := func(t *testing.T, f frame, name, chatID string) map[string]any {
		t.Helper()
		o := f.with(t, "seq", "chat")
		if f.name != name || o["chat"] != chatID {
			t.Errorf("it is %q, should be %s of %s", f.lines, name, chatID)
		}
		return o
	}

	t.Run("live", func(t *testing.T) {
		s := openStream(t, p, "/stream", bearer(bob.token))
		s.until("ready")
		chatID := makeChatOf(t, p, ann, "public")
		say(t, p, ann, chatID, newText()) // not bob's yet
		mine := makeChatOf(t, p, bob, "private")
		if o := own(t, s.event(), "chat.joined", mine); integer(t, o["seq"]) != 1 {
			t.Errorf("one's own chat begins with %v", o)
		}
		putMember(t, p, bob, chatID, bob, "member")
		own(t, s.event(), "chat.joined", chatID)
		m := say(t, p, ann, chatID, newText())
		if f := s.event(); f.id != idOf(m) {
			t.Errorf("it is %q, should be %v", f.lines, m)
		}
		putMember(t, p, ann, chatID, cyd, "member")
		if f := s.event(); f.name != "member.joined" || f.with(t, "seq", "chat", "username", "role")["username"] != cyd.name {
			t.Errorf("it is %q, should be cyd's joining", f.lines)
		}
		putMember(t, p, ann, chatID, bob, "admin")
		if f := s.event(); f.name != "member.updated" || f.with(t, "seq", "chat", "username", "role")["username"] != bob.name {
			t.Errorf("it is %q, should be bob's new role", f.lines)
		}
		removeMember(t, p, ann, chatID, cyd)
		if f := s.event(); f.name != "member.left" || f.with(t, "seq", "chat", "username", "role")["username"] != cyd.name {
			t.Errorf("it is %q, should be cyd's leaving", f.lines)
		}
		removeMember(t, p, ann, chatID, bob)
		own(t, s.event(), "chat.left", chatID)
		say(t, p, ann, chatID, newText()) // no longer bob's
		putMember(t, p, ann, chatID, bob, "member")
		own(t, s.event(), "chat.joined", chatID)
		removeMember(t, p, bob, chatID, bob)
		own(t, s.event(), "chat.left", chatID)
		putMember(t, p, ann, chatID, bob, "member")
		own(t, s.event(), "chat.joined", chatID)
		ask(t, p, "DELETE", "/chats/"+chatID, "", bearer(ann.token)).is(204)
		own(t, s.event(), "chat.deleted", chatID)
		m = say(t, p, bob, mine, newText()) // it goes on
		if f := s.event(); f.id != idOf(m) {
			t.Errorf("it is %q, should be %v", f.lines, m)
		}
	})
	t.Run("the replay", func(t *testing.T) {
		dan := newAccount(t, p)
		as := func(chatID string) { putMember(t, p, ann, chatID, dan, "member") }
		out := func(chatID string) { removeMember(t, p, ann, chatID, dan) }
		left, deleted, both, stays := makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "private")
		say(t, p, ann, stays, newText())
		for _, id := range []string{left, deleted, both, stays} {
			as(id)
		}
		seen := []string{idOf(say(t, p, ann, stays, newText()))}
		for _, id := range []string{left, deleted, both} {
			say(t, p, ann, id, newText())
		}
		begin := seen[0]
		out(left)
		out(stays)
		away := idOf(say(t, p, ann, stays, newText()))
		out(both)
		ask(t, p, "DELETE", "/chats/"+both, "", bearer(ann.token)).is(204)
		ask(t, p, "DELETE", "/chats/"+deleted, "", bearer(ann.token)).is(204)
		as(stays)
		seen = append(seen, idOf(say(t, p, ann, stays, newText())))

		inChat := func(events []frame) map[string][]string {
			all := make(map[string][]string)
			var last int64
			for _, f := range events {
				if id := integer(t, number(f.id)); id <= last {
					t.Errorf("%d comes behind %d", id, last)
				} else {
					last = id
				}
				what := f.name
				if what == "" {
					what = f.id
				}
				id := fmt.Sprint(f.object(t)["chat"])
				all[id] = append(all[id], what)
			}
			return all
		}
		replay := inChat(eventsOf(t, p, dan, "/stream"))
		for id, want := range map[string]string{left: "chat.left", deleted: "chat.deleted", both: "chat.left"} {
			if !slices.Equal(replay[id], []string{want}) {
				t.Errorf("of a chat that is no longer his comes %q, should %s alone", replay[id], want)
			}
		}
		if want := []string{"chat.joined", seen[0], "chat.left", "chat.joined", seen[1]}; !slices.Equal(replay[stays], want) {
			t.Errorf("of a chat that is his comes %q, should %q", replay[stays], want)
		}

		// From a place within, and from behind the ends.
		s := openStream(t, p, "/stream?after="+begin, bearer(dan.token))
		replay = inChat(s.untilReady())
		if want := []string{"chat.left", "chat.joined", seen[1]}; !slices.Equal(replay[stays], want) || !slices.Equal(replay[left], []string{"chat.left"}) {
			t.Errorf("of his chats come %q", replay)
		}
		s = openStream(t, p, "/stream?after="+seen[1], bearer(dan.token))
		if events := s.untilReady(); len(events) > 0 {
			t.Errorf("behind it all comes %q", briefly(events))
		}
		// The chat's own stream has everything, and speaks of him as of others.
		one := inChat(eventsOf(t, p, dan, "/chats/"+stays+"/stream"))[stays]
		for _, id := range []string{seen[0], away, seen[1]} {
			if !slices.Contains(one, id) {
				t.Errorf("the chat's own stream is %q without %s", one, id)
			}
		}
		if slices.Contains(one, "chat.joined") || slices.Contains(one, "chat.left") || !slices.Contains(one, "member.left") {
			t.Errorf("the chat's own stream is %q", one)
		}
	})
}

func TestContractAStreamEndsWithItsReason(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob := newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	path := "/chats/" + chatID + "/stream"
	as := bearer(ann.token)
	for range 5 {
		say(t, p, ann, chatID, newText())
	}

	t.Run("left, by oneself or by another", func(t *testing.T) {
		for _, by := range []*account{ann, bob} {
			putMember(t, p, ann, chatID, bob, "member")
			s := openStream(t, p, path, bearer(bob.token))
			s.until("ready")
			m := say(t, p, ann, chatID, newText())
			removeMember(t, p, by, chatID, bob)
			say(t, p, ann, chatID, newText())
			events := s.untilBye("left")
			if len(events) != 2 || events[0].id != idOf(m) || events[1].name != "member.left" {
				t.Errorf("up to his leaving he got %q", briefly(events))
			}
		}
	})
	t.Run("deleted", func(t *testing.T) {
		id := makeChatOf(t, p, ann, "private")
		putMember(t, p, ann, id, bob, "member")
		s, all := openStream(t, p, "/chats/"+id+"/stream", bearer(bob.token)), openStream(t, p, "/stream", bearer(bob.token))
		s.until("ready")
		all.until("ready")
		ask(t, p, "DELETE", "/chats/"+id, "", as).is(204)
		if events := s.untilBye("deleted"); len(events) != 1 || events[0].name != "chat.deleted" {
			t.Errorf("up to the deletion he got %q", briefly(events))
		}
		if f := all.event(); f.name != "chat.deleted" {
			t.Errorf("on the stream of all chats it is %q", f.lines)
		}
	})
	t.Run("limit, counted in events", func(t *testing.T) {
		for _, n := range []int{1, 3} {
			s := openStream(t, p, fmt.Sprintf("%s?after=earliest&limit=%d", path, n), as)
			if events := s.untilBye("limit"); len(events) != n {
				t.Errorf("after %d events came %q", n, briefly(events))
			}
		}
		s := openStream(t, p, path+"?limit=2", as)
		s.until("ready")
		say(t, p, ann, chatID, newText())
		m := say(t, p, ann, chatID, newText())
		if events := s.untilBye("limit"); len(events) != 2 || events[1].id != idOf(m) {
			t.Errorf("after 2 events came %q", briefly(events))
		}
	})
	t.Run("timeout", func(t *testing.T) {
		openStream(t, p, path+"?timeout=1s", as).untilBye("timeout")
		openStream(t, p, "/stream?timeout=500ms&limit=5", as).untilBye("timeout")
	})
	t.Run("over HTTP/1.0 alike", func(t *testing.T) {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s?after=earliest&limit=1 HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n", path, ann.token)
		all, err := io.ReadAll(conn)
		if err != nil || !strings.HasSuffix(string(all), "\n\n") || !strings.Contains(string(all), `{"reason":"limit"}`) || strings.Contains(strings.ToLower(string(all)), "chunked") {
			t.Errorf("%v: %s", err, all)
		}
	})
	t.Run("problem, where errors go in band", func(t *testing.T) {
		private, public := makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "public")
		cookies := bob.logInByCookie(t, p)
		expectInBand(t, p, 401, "", "/stream?errors=inband")
		expectInBand(t, p, 401, "", path+"?errors=inband", bearer("nonsense-token"))
		expectInBand(t, p, 404, "", "/chats/"+private+"/stream?errors=inband", bearer(bob.token))
		expectInBand(t, p, 404, "", "/chats/"+madeUp("c")+"/stream?errors=inband", bearer(bob.token))
		expectInBand(t, p, 403, "not_a_member", "/chats/"+public+"/stream?errors=inband", bearer(bob.token))
		expectInBand(t, p, 400, "", "/stream?errors=inband&limit=many", bearer(bob.token))
		expectInBand(t, p, 400, "", "/stream?errors=inband&timeout=soon", bearer(bob.token))
		expectInBand(t, p, 403, "foreign_origin", "/stream?errors=inband", withCookies(cookies...), header("Sec-Fetch-Site", "cross-site"))
		openStream(t, p, path+"?errors=inband", as).until("ready")
	})
	t.Run("shutdown, which is to be survived", func(t *testing.T) {
		s, all := openStream(t, p, path, as), openStream(t, p, "/stream", as)
		s.until("ready")
		all.until("ready")
		if code := p.Terminate(); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
		s.untilBye("shutdown")
		all.untilBye("shutdown")
	})
}

// expectInBand expects a stream that tells a problem and closes.
func expectInBand(t *testing.T, p *process, status int, code, path string, with ...with) {
	t.Helper()
	s := openStream(t, p, path, with...)
	var problem frame
	retry := false
	for {
		f, err := s.next()
		if err != nil {
			if !errors.Is(err, io.EOF) || len(f.lines) > 0 {
				t.Errorf("%s: the end is %v, %q", path, err, f.lines)
			}
			break
		}
		retry = retry || f.retry
		if f.name == "problem" {
			problem = f
		} else if f.hasData {
			t.Errorf("%s: beside the problem comes %q", path, f.lines)
		}
	}
	if problem.name == "" || problem.hasID || !retry {
		t.Fatalf("%s: the problem is %q, with retry: %v", path, problem.lines, retry)
	}
	checkProblem(t, problem.object(t), status, code)
}

func TestContractATabLeavesOutItsOwnMessages(t *testing.T) {
	t.Parallel()
	p := serve(t, "--ping", "1s")
	ann, bob := newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	putMember(t, p, ann, chatID, bob, "member")
	tab, other := header("X-Origin", "tab-one"), header("X-Origin", "tab-two")
	as := bearer(ann.token)

	for _, path := range []string{"/chats/" + chatID + "/stream", "/stream"} {
		s := openStream(t, p, path+"?origin=tab-one", as)
		begin := s.until("ready").object(t)["head"]
		say(t, p, ann, chatID, newText(), tab)
		want := []string{
			idOf(say(t, p, ann, chatID, newText(), other)),
			idOf(say(t, p, ann, chatID, newText())),
			idOf(say(t, p, bob, chatID, newText(), tab)),
		}
		for _, id := range want {
			if f := s.event(); f.id != id {
				t.Errorf("%s: it is %q, should be message %s", path, f.lines, id)
			}
		}
		var replay []string
		for _, f := range openStream(t, p, fmt.Sprintf("%s?origin=tab-one&after=%v", path, begin), as).untilReady() {
			replay = append(replay, f.id)
		}
		if !slices.Equal(replay, want) {
			t.Errorf("%s: the replay is %q, should be %q", path, replay, want)
		}
		if events := openStream(t, p, fmt.Sprintf("%s?after=%v", path, begin), as).untilReady(); len(events) != 4 {
			t.Errorf("%s: without an origin it is %q", path, briefly(events))
		}

		// His place moves on all the same.
		m := say(t, p, ann, chatID, newText(), tab)
		for pings := 0; ; {
			f, err := s.next()
			if err != nil || f.event() {
				t.Fatalf("%s: %v, %q", path, err, f.lines)
			}
			if f.name == "ping" {
				o := f.with(t, "now", "head")
				checkMoments(t, o, "now")
				if f.hasID {
					t.Errorf("a ping is %q", f.lines)
				}
				// The reader may not have come so far when the head has.
				if integer(t, o["head"]) >= integer(t, m["id"]) {
					pings++
				}
				if pings > 1 {
					t.Fatalf("%s: the ping %q comes before the place of message %s", path, f.lines, idOf(m))
				}
			}
			if len(f.lines) == 1 && f.id == idOf(m) {
				break
			}
		}
		if o := s.until("ping").with(t, "now", "head"); fmt.Sprint(o["head"]) != idOf(m) {
			t.Errorf("%s: the ping is %v, the head is %s", path, o, idOf(m))
		}
	}
	ask(t, p, "GET", "/stream?origin="+strings.Repeat("a", 65), "", as).problem(400, "")
}

func TestContractARotatedStreamBreaksOff(t *testing.T) {
	t.Parallel()
	p := serve(t, "--rotate", "1s")
	ann := newAccount(t, p)
	openStream(t, p, "/stream", bearer(ann.token)).untilBye("rotate")
}

func TestContractARefreshRenewsOpenStreamsInPlace(t *testing.T) {
	t.Parallel()
	p := serve(t, "--access-ttl", "6s")
	ann := newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	s := openStream(t, p, "/chats/"+chatID+"/stream", bearer(ann.token))
	for range 2 {
		f := s.until("auth")
		// Half of the token's life is three seconds.
		if left := integer(t, f.with(t, "expires_in")["expires_in"]); left < 0 || left > 3 || f.hasID {
			t.Errorf("auth is %q", f.lines)
		}
		login := ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, ann.refresh)).is(200).object()
		ann.token, ann.refresh = login["token"].(string), login["refresh_token"].(string)
	}
	m := say(t, p, ann, chatID, newText())
	if f := s.event(); f.id != idOf(m) {
		t.Errorf("it is %q, should be %v", f.lines, m)
	}
	s.untilBye("expired")
	answer := ask(t, p, "GET", "/me", "", bearer(ann.token)).problem(401, "")
	if challenge := answer.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate is %q", challenge)
	}
}

func TestContractATokenInTheURLIsRefusedInBand(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	expectInBand(t, p, 400, "token_in_url", "/stream?errors=inband&token="+ann.token)
}
