package e2e

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// signal reads to the next signal of that name which is about a user.
func (s *stream) signal(name string, about *account) (frame, map[string]any) {
	s.t.Helper()
	for {
		f := s.until(name)
		if f.hasID {
			s.t.Errorf("%s: a signal has an id: %q", s.path, f.lines)
		}
		if o := f.object(s.t); o["username"] == about.name {
			return f, o
		}
	}
}

// presentIn is the list of a chat's presence as somebody reads it.
func presentIn(t testing.TB, p *process, by *account, chatID string) (present []string) {
	t.Helper()
	list, ok := ask(t, p, "GET", "/chats/"+chatID+"/presence", "", bearer(by.token)).is(200).fields("present")["present"].([]any)
	if !ok {
		t.Error("present is no list")
	}
	for _, name := range list {
		present = append(present, fmt.Sprint(name))
	}
	return present
}

// markAsRead moves somebody's marker.
func markAsRead(t testing.TB, p *process, who *account, chatID, id string) *reply {
	t.Helper()
	return ask(t, p, "PUT", "/chats/"+chatID+"/read", `{"id":`+id+`}`, bearer(who.token))
}

func typeIn(t testing.TB, p *process, who *account, chatID string) *reply {
	t.Helper()
	return ask(t, p, "POST", "/chats/"+chatID+"/typing", "", bearer(who.token))
}

func TestContractTypingIsALiveSignal(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		putMember(t, p, ann, chatID, bob, "member")
		for _, path := range []string{"/chats/" + chatID + "/stream", "/stream"} {
			s := openStream(t, p, path, bearer(ann.token))
			s.until("ready")
			typeIn(t, p, bob, chatID).is(204)
			f, o := s.signal("typing", bob)
			if o["chat"] != chatID || !fieldsAre(o, "chat", "username") {
				t.Errorf("%s: typing is %q", path, f.lines)
			}
			s.response.Body.Close()
		}
		for _, f := range eventsOf(t, p, ann, "/chats/"+chatID+"/stream") {
			if f.name != "member.joined" {
				t.Errorf("a signal is in the log: %q", f.lines)
			}
		}
	})
}

// frameCount counts a stream's frames of that name until the stream ends.
func frameCount(t testing.TB, s *stream, name string) (count int) {
	t.Helper()
	for {
		f, err := s.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", s.path, err)
			}
			return count
		}
		if f.name == name {
			count++
		}
	}
}

func TestContractSignalsComeOnceASecond(t *testing.T) {
	t.Parallel()
	p := serve(t)
	people := []*account{newAccount(t, p)}
	ann := people[0]
	chatID := makeChatOf(t, p, ann, "private")
	for range 3 {
		who := newAccount(t, p)
		putMember(t, p, ann, chatID, who, "member")
		people = append(people, who)
	}
	began := time.Now()
	typing := openStream(t, p, "/chats/"+chatID+"/stream?timeout=3s", bearer(ann.token))
	presence := openStream(t, p, "/stream?timeout=3s", bearer(ann.token))
	typing.until("ready")
	presence.until("ready")
	for _, who := range people[1:] {
		openStream(t, p, "/chats/"+chatID+"/stream", bearer(who.token)).until("ready")
	}
	for time.Since(began) < 1500*time.Millisecond {
		for _, who := range people[1:] {
			typeIn(t, p, who, chatID)
		}
	}
	typed, came := frameCount(t, typing, "typing"), frameCount(t, presence, "presence")
	most := 1 + int(time.Since(began)/time.Second)
	if typed < 1 || typed > most || came < 1 || came > most {
		t.Errorf("in %v came %d of typing and %d of presence", time.Since(began), typed, came)
	}
}

func TestContractPresenceTellsOpenStreams(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		putMember(t, p, ann, chatID, bob, "guest")
		if present := presentIn(t, p, bob, chatID); len(present) > 0 {
			t.Errorf("without a stream there are %q", present)
		}
		s := openStream(t, p, "/chats/"+chatID+"/stream", bearer(ann.token))
		s.until("ready")
		theirs := openStream(t, p, "/stream", bearer(bob.token))
		theirs.until("ready")
		f, o := s.signal("presence", bob)
		if o["chat"] != chatID || o["present"] != true || !fieldsAre(o, "chat", "username", "present") {
			t.Errorf("presence is %q", f.lines)
		}
		waitFor(t, func() bool {
			present := presentIn(t, p, bob, chatID)
			slices.Sort(present)
			return slices.Equal(present, slices.Sorted(slices.Values([]string{ann.name, bob.name})))
		})
		theirs.response.Body.Close()
		if f, o := s.signal("presence", bob); o["present"] != false {
			t.Errorf("behind the end of the stream presence is %q", f.lines)
		}
		waitFor(t, func() bool { return slices.Equal(presentIn(t, p, bob, chatID), []string{ann.name}) })
		for _, f := range eventsOf(t, p, ann, "/chats/"+chatID+"/stream") {
			if f.name != "member.joined" {
				t.Errorf("a signal is in the log: %q", f.lines)
			}
		}
	})
}

func TestContractReadMarkersAndUnread(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID, other := makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "private")
		say(t, p, ann, chatID, newText()) // before bob's join
		putMember(t, p, ann, chatID, bob, "member")
		elsewhere := say(t, p, ann, other, newText())
		// unread expects bob's count, by the chat and by the list.
		unread := func(want int64) {
			t.Helper()
			if o := chatOf(t, p, bob, chatID); integer(t, o["unread"]) != want {
				t.Errorf("unread should be %d: %v", want, o)
			}
			for _, o := range listed(t, p, bob, "/chats", "", "chats") {
				if integer(t, o["unread"]) != want {
					t.Errorf("in the list unread should be %d: %v", want, o)
				}
			}
		}
		marker := func() string {
			t.Helper()
			for _, m := range objects(t, ask(t, p, "GET", "/chats/"+chatID+"/read", "", bearer(ann.token)).is(200).fields("markers")["markers"]) {
				if !fieldsAre(m, "username", "id") {
					t.Errorf("a marker is %v", m)
				}
				if m["username"] == bob.name {
					return idOf(m)
				}
			}
			return ""
		}
		unread(0)
		var ids []string
		for range 3 {
			ids = append(ids, idOf(say(t, p, ann, chatID, newText())))
		}
		own := idOf(say(t, p, bob, chatID, newText()))
		unread(3)
		if id := marker(); id != "" {
			t.Errorf("before any mark the marker is %s", id)
		}
		s, all := openStream(t, p, "/chats/"+chatID+"/stream", bearer(ann.token)), openStream(t, p, "/stream", bearer(ann.token))
		s.until("ready")
		all.until("ready")
		markAsRead(t, p, bob, chatID, ids[1]).is(204)
		for _, s := range []*stream{s, all} {
			f, o := s.signal("read", bob)
			if fmt.Sprint(o["id"]) != ids[1] || o["chat"] != chatID || !fieldsAre(o, "chat", "username", "id") {
				t.Errorf("read is %q", f.lines)
			}
		}
		unread(1)
		markAsRead(t, p, bob, chatID, ids[0]).is(204) // backwards
		unread(1)
		if id := marker(); id != ids[1] {
			t.Errorf("the marker is %s, should be %s", id, ids[1])
		}
		for _, id := range []string{idOf(elsewhere), "999999999", "-1", "0", "1.5", `"` + ids[2] + `"`, "null"} {
			markAsRead(t, p, bob, chatID, id).problem(400, "")
		}
		unread(1)
		putMember(t, p, ann, chatID, bob, "guest") // a guest marks as well
		markAsRead(t, p, bob, chatID, own).is(204)
		unread(0)
		say(t, p, ann, chatID, newText())
		unread(1)
	})
}

func TestContractSignalsNeedMembership(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, eve := newAccount(t, p), newAccount(t, p)
	private, public := makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "public")
	m := say(t, p, ann, private, newText())
	of := say(t, p, ann, public, newText())
	for _, row := range []struct{ method, path, body string }{
		{"POST", "typing", ""}, {"GET", "presence", ""}, {"GET", "read", ""}, {"PUT", "read", `{"id":%s}`}, {"GET", "wait?match=a&timeout=1s", ""},
	} {
		at := func(chatID, id string) *reply {
			return ask(t, p, row.method, "/chats/"+chatID+"/"+row.path, strings.Replace(row.body, "%s", id, 1), bearer(eve.token))
		}
		at(private, idOf(m)).problem(404, "").sameAs(at(madeUp("c"), idOf(m)))
		at(public, idOf(of)).problem(403, "not_a_member")
		ask(t, p, row.method, "/chats/"+private+"/"+row.path, strings.Replace(row.body, "%s", "1", 1)).problem(401, "")
	}
	putMember(t, p, ann, private, eve, "guest")
	typeIn(t, p, eve, private).problem(403, "read_only")
	for method, path := range map[string]string{"GET": "typing", "POST": "presence", "DELETE": "read", "PUT": "wait"} {
		ask(t, p, method, "/chats/"+private+"/"+path, "", bearer(ann.token)).problem(405, "")
	}
}
