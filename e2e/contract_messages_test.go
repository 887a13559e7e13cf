package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// messageFields are those of a message that is nothing special.
var messageFields = []string{"id", "seq", "chat", "author", "text", "created_at"}

func TestContractAMessageIsPostedInEveryForm(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob := newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	putMember(t, p, ann, chatID, bob, "member")
	as, path := bearer(ann.token), "/chats/"+chatID+"/messages"

	// posted expects a message that was just made, and that it can be read.
	posted := func(t *testing.T, answer *reply, text string, more ...string) map[string]any {
		t.Helper()
		m := answer.is(201).fields(append(more, messageFields...)...)
		if m["chat"] != chatID || m["author"] != ann.name || m["text"] != text {
			answer.errorf("the message is not what was posted: %q", text)
		}
		integer(t, m["seq"])
		checkMoments(t, m, "created_at")
		id := integer(t, m["id"])
		location, err := url.Parse(answer.header.Get("Location"))
		if err != nil || location.Path != fmt.Sprint("/messages/", id) {
			answer.errorf("Location is %q", answer.header.Get("Location"))
		}
		tag := answer.header.Get("ETag")
		if !regexp.MustCompile(`^(W/)?"[^"]*"$`).MatchString(tag) {
			answer.errorf("ETag is %q", tag)
		}
		read := ask(t, p, "GET", fmt.Sprint("/messages/", id), "", bearer(bob.token)).is(200)
		if read.header.Get("ETag") != tag {
			read.errorf("ETag is %q, it was %q", read.header.Get("ETag"), tag)
		}
		if o := read.object(); o["text"] != text || idOf(o) != idOf(m) || o["author"] != ann.name || fmt.Sprint(o["seq"]) != fmt.Sprint(m["seq"]) {
			read.errorf("it was posted as %v", m)
		}
		return m
	}

	t.Run("as JSON, the chat in the body or in the path", func(t *testing.T) {
		text := newText()
		posted(t, ask(t, p, "POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":%q}`, chatID, text), as), text)
		text = newText()
		posted(t, ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q}`, text), as), text)
		ask(t, p, "POST", path, fmt.Sprintf(`{"chat":%q,"text":%q}`, chatID, newText()), as).problem(400, "").names("chat")
		ask(t, p, "POST", "/messages", fmt.Sprintf(`{"text":%q}`, newText()), as).problem(400, "").names("chat")
		ask(t, p, "POST", "/messages", fmt.Sprintf(`{"chat":%q}`, chatID), as).problem(400, "").names("text")
	})
	t.Run("as a form", func(t *testing.T) {
		text := newText() + " a & b = ü"
		first := posted(t, ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+url.QueryEscape(text), ofKind(formKind), as), text)
		clientID := madeUp("id")
		m := posted(t, ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+url.QueryEscape(text)+"&client_id="+clientID+"&reply_to="+idOf(first), ofKind(formKind), as),
			text, "client_id", "reply_to")
		if m["client_id"] != clientID || fmt.Sprint(m["reply_to"]) != idOf(first) {
			t.Errorf("the message is %v", m)
		}
		text = url.QueryEscape(newText())
		ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+text+"&author="+ann.name, ofKind(formKind), as).problem(400, "").names("author")
		ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+text+"&text="+text, ofKind(formKind), as).problem(400, "").names("text")
		ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+text+"&reply_to=first", ofKind(formKind), as).problem(400, "").names("reply_to")
	})
	t.Run("as text and as bare curl sends it, byte for byte", func(t *testing.T) {
		for _, text := range []string{
			newText(), newText() + "\r\n\n", " " + newText() + "\t ", "text=" + newText() + "&chat=a+b%41%zz;=", `{"text":"` + newText() + `"}`,
			newText() + " 👩‍👩‍👧 ü \u202e \u2028 \x1b[31m\x01", "+" + newText() + "+",
		} {
			posted(t, ask(t, p, "POST", path, text, ofKind(textKind), as), text)
			posted(t, ask(t, p, "POST", path, text, ofKind(textKind+"; charset=utf-8"), as), text)
			posted(t, ask(t, p, "POST", path, text, ofKind(formKind), as), text)
		}
	})
	t.Run("text/plain answers the id alone", func(t *testing.T) {
		for _, kind := range []string{textKind, formKind, jsonKind} {
			text := newText()
			body := text
			if kind == jsonKind {
				body = fmt.Sprintf(`{"text":%q}`, text)
			}
			answer := ask(t, p, "POST", path, body, ofKind(kind), header("Accept", textKind), as).is(201).mediaType(textKind)
			id := strings.TrimSuffix(string(answer.body), "\n")
			if m := ask(t, p, "GET", "/messages/"+id, "", as).is(200).object(); m["text"] != text {
				t.Errorf("message %q is %v", id, m)
			}
			if answer.header.Get("Location") != "/messages/"+id || answer.header.Get("ETag") == "" {
				answer.errorf("the headers are %v", answer.header)
			}
		}
	})
	t.Run("the author is the token's subject", func(t *testing.T) {
		for _, name := range []string{ann.name, bob.name} {
			ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"author":%q}`, newText(), name), as).problem(400, "").names("author")
			ask(t, p, "POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":%q,"author":%q}`, chatID, newText(), name), as).problem(400, "").names("author")
		}
	})
	t.Run("a text has 1 to 8,000 characters of UTF-8 without NUL", func(t *testing.T) {
		asJSON := func(text string) *reply { return ask(t, p, "POST", path, `{"text":`+text+`}`, as) }
		longest := newText()
		longest += strings.Repeat("𝒜", 8000-len(longest))
		posted(t, ask(t, p, "POST", path, longest, ofKind(textKind), as), longest)
		posted(t, asJSON(`"`+longest+`"`), longest)
		ask(t, p, "POST", path, longest+"a", ofKind(textKind), as).problem(400, "").names("text")
		ask(t, p, "POST", path, longest+"a", ofKind(formKind), as).problem(400, "").names("text")
		asJSON(`"`+longest+`a"`).problem(400, "").names("text")
		asJSON(`""`).problem(400, "").names("text")
		ask(t, p, "POST", path, "", ofKind(textKind), as).problem(400, "").names("text")
		asJSON(`"`+newText()+`\u0000"`).problem(400, "").names("text")
		ask(t, p, "POST", path, newText()+"\x00", ofKind(textKind), as).problem(400, "").names("text")
		ask(t, p, "POST", path, newText()+"\xff", ofKind(textKind), as).problem(400, "").names("text")
		ask(t, p, "POST", path, newText()+"\xed\xa0\x80", ofKind(formKind), as).problem(400, "").names("text")
		asJSON(`"`+newText()+`\ud800"`).problem(400, "")
		asJSON("\""+newText()+"\xff\"").problem(400, "")
		asJSON(`["a list"]`).problem(400, "").names("text")
		asJSON(`null`).problem(400, "").names("text")
		posted(t, asJSON(`"\ud835\udc9c `+longest[:20]+`"`), "𝒜 "+longest[:20])
	})
	t.Run("a body is whole JSON with known fields, each once", func(t *testing.T) {
		text := quoted(newText())
		ask(t, p, "POST", path, `{"text":`+text+`,"colour":"red"}`, as).problem(400, "").names("colour")
		ask(t, p, "POST", path, `{"text":`+text+`,"text":`+text+`}`, as).problem(400, "").names("text")
		ask(t, p, "POST", path, `{"text":`+text+`} trailing`, as).problem(400, "")
		ask(t, p, "POST", path, `{"text":`+text, as).problem(400, "")
		ask(t, p, "POST", path, `{"text":`+text+`,"te\u0078t":`+text+`}`, as).problem(400, "").names("text")
		ask(t, p, "POST", path, `{"Text":`+text+`}`, as).problem(400, "").names("Text")
	})
	t.Run("X-Origin has 1 to 64 visible characters of ASCII", func(t *testing.T) {
		for _, tab := range []string{"a", strings.Repeat("~", 64), `!"#$%&'()*+,-./:;<=>?@[\]^_{|}`} {
			ask(t, p, "POST", path, newText(), ofKind(textKind), as, header("X-Origin", tab)).is(201)
		}
		for _, tab := range []string{"", strings.Repeat("a", 65), "two words", "ü"} {
			ask(t, p, "POST", path, newText(), ofKind(textKind), as, header("X-Origin", tab)).problem(400, "")
		}
	})
	t.Run("a reply answers a message of its chat", func(t *testing.T) {
		first := say(t, p, bob, chatID, newText())
		text := newText()
		m := posted(t, ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"reply_to":%v}`, text, first["id"]), as), text, "reply_to")
		if idOf(first) != fmt.Sprint(m["reply_to"]) {
			t.Errorf("the message is %v", m)
		}
		other := makeChatOf(t, p, ann, "private")
		elsewhere := say(t, p, ann, other, newText())
		joined := eventsOf(t, p, ann, "/chats/"+chatID+"/stream")[0]
		for _, target := range []string{idOf(elsewhere), joined.id, "999999999", "0", "-1", `"` + idOf(first) + `"`, "1.5"} {
			ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"reply_to":%s}`, newText(), target), as).problem(400, "").names("reply_to")
		}
	})
	t.Run("what is no message is not found", func(t *testing.T) {
		joined := eventsOf(t, p, ann, "/chats/"+chatID+"/stream")[0]
		for _, id := range []string{joined.id, "999999999", "0", "-1", "first", "99999999999999999999"} {
			ask(t, p, "GET", "/messages/"+id, "", as).problem(404, "")
		}
	})
}

func TestContractARepeatedPostIsAnsweredWithTheFirst(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob := newAccount(t, p), newAccount(t, p)
	chatID, other := makeChatOf(t, p, bob, "private"), makeChatOf(t, p, bob, "private")
	putMember(t, p, bob, chatID, ann, "member")
	putMember(t, p, bob, other, ann, "member")
	as, path := bearer(ann.token), "/chats/"+chatID+"/messages"
	body := func(text, clientID string) string { return fmt.Sprintf(`{"text":%q,"client_id":%q}`, text, clientID) }
	first := func(t *testing.T, answer *reply) map[string]any {
		t.Helper()
		if got := answer.is(201).header.Values("Idempotency-Replayed"); len(got) > 0 {
			answer.errorf("Idempotency-Replayed is %q", got)
		}
		return answer.object()
	}
	replayed := func(t *testing.T, answer *reply, of map[string]any) {
		t.Helper()
		if got := answer.is(200).header.Get("Idempotency-Replayed"); got != "true" {
			answer.errorf("Idempotency-Replayed is %q", got)
		}
		if fmt.Sprint(answer.object()) != fmt.Sprint(of) {
			answer.errorf("the first message was %v", of)
		}
	}

	t.Run("whichever way the key is given", func(t *testing.T) {
		text, key := newText(), madeUp("key")
		m := first(t, ask(t, p, "POST", path, body(text, key), as))
		if !fieldsAre(m, append([]string{"client_id"}, messageFields...)...) || m["client_id"] != key {
			t.Errorf("the message is %v", m)
		}
		byHeader := header("Idempotency-Key", key)
		replayed(t, ask(t, p, "POST", path, body(text, key), as), m)
		replayed(t, ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q}`, text), byHeader, as), m)
		replayed(t, ask(t, p, "POST", path, body(text, key), byHeader, as), m)
		replayed(t, ask(t, p, "POST", path, text, ofKind(textKind), byHeader, as), m)
		replayed(t, ask(t, p, "POST", path, text, ofKind(formKind), byHeader, as), m)
		replayed(t, ask(t, p, "POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":%q,"client_id":%q}`, chatID, text, key), as), m)
		replayed(t, ask(t, p, "POST", "/messages", "chat="+chatID+"&text="+text+"&client_id="+key, ofKind(formKind), as), m)
		if id := ask(t, p, "POST", path, text, ofKind(textKind), byHeader, header("Accept", textKind), as).is(200).body; strings.TrimSuffix(string(id), "\n") != idOf(m) {
			t.Errorf("the id is %q", id)
		}
	})
	t.Run("by the header first", func(t *testing.T) {
		text, key := newText(), madeUp("key")
		m := first(t, ask(t, p, "POST", path, text, ofKind(formKind), header("Idempotency-Key", key), as))
		if m["client_id"] != key {
			t.Errorf("the message is %v", m)
		}
		replayed(t, ask(t, p, "POST", path, body(text, key), as), m)
	})
	t.Run("two keys that differ are refused", func(t *testing.T) {
		ask(t, p, "POST", path, body(newText(), madeUp("key")), header("Idempotency-Key", madeUp("key")), as).problem(400, "")
	})
	t.Run("another text or reply is a mismatch", func(t *testing.T) {
		target := say(t, p, bob, chatID, newText())
		second := say(t, p, bob, chatID, newText())
		text, key := newText(), madeUp("key")
		m := first(t, ask(t, p, "POST", path, body(text, key), as))
		ask(t, p, "POST", path, body(newText(), key), as).problem(422, "idempotency_mismatch")
		reply := func(key string, to map[string]any) *reply {
			return ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"client_id":%q,"reply_to":%v}`, text, key, to["id"]), as)
		}
		reply(key, target).problem(422, "idempotency_mismatch")
		replayed(t, ask(t, p, "POST", path, body(text, key), as), m)

		key = madeUp("key")
		m = first(t, reply(key, target))
		replayed(t, reply(key, target), m)
		reply(key, second).problem(422, "idempotency_mismatch")
		ask(t, p, "POST", path, body(text, key), as).problem(422, "idempotency_mismatch")
	})
	t.Run("it is one author's in one chat", func(t *testing.T) {
		text, key := newText(), madeUp("key")
		m := first(t, ask(t, p, "POST", path, body(text, key), as))
		elsewhere := first(t, ask(t, p, "POST", "/chats/"+other+"/messages", body(text, key), as))
		another := first(t, ask(t, p, "POST", path, body(text, key), bearer(bob.token)))
		if idOf(m) == idOf(elsewhere) || idOf(m) == idOf(another) {
			t.Errorf("%v, %v and %v are one", m, elsewhere, another)
		}
	})
	t.Run("it has 1 to 128 characters", func(t *testing.T) {
		longest := madeUp("key")
		longest += strings.Repeat("k", 128-len(longest))
		first(t, ask(t, p, "POST", path, body(newText(), longest), as))
		ask(t, p, "POST", path, body(newText(), longest+"k"), as).problem(400, "").names("client_id")
		ask(t, p, "POST", path, newText(), ofKind(textKind), header("Idempotency-Key", longest+"k"), as).problem(400, "")
		ask(t, p, "POST", path, newText(), ofKind(textKind), header("Idempotency-Key", ""), as).problem(400, "")
		ask(t, p, "POST", path, body(newText(), ""), as).problem(400, "").names("client_id")
		ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"client_id":"a\u0000b"}`, newText()), as).problem(400, "").names("client_id")
		ask(t, p, "POST", path, fmt.Sprintf(`{"text":%q,"client_id":7}`, newText()), as).problem(400, "").names("client_id")
	})
	t.Run("many at once make one message", func(t *testing.T) {
		text, key := newText(), madeUp("key")
		answers := make([]*reply, 12)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = ask(t, p, "POST", path, body(text, key), as) })
		}
		all.Wait()
		made := 0
		for _, answer := range answers {
			if idOf(answer.object()) != idOf(answers[0].object()) {
				answer.errorf("another answer was %s", answers[0].body)
			}
			if answer.status == 201 {
				made++
			} else {
				answer.is(200)
			}
		}
		if made != 1 {
			t.Errorf("%d of them made a message", made)
		}
	})
	t.Run("also after the author's leaving", func(t *testing.T) {
		text, key := newText(), madeUp("key")
		m := first(t, ask(t, p, "POST", path, body(text, key), as))
		removeMember(t, p, ann, chatID, ann)
		replayed(t, ask(t, p, "POST", path, body(text, key), as), m)
		ask(t, p, "POST", path, body(newText(), key), as).problem(422, "idempotency_mismatch")
		ask(t, p, "POST", path, body(text, madeUp("key")), as).problem(404, "")
	})
}

func TestContractHistoryIsReadInPages(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob := newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	as, path := bearer(ann.token), "/chats/"+chatID+"/messages"

	empty := ask(t, p, "GET", path, "", as).is(200).fields("messages", "cursor")
	if len(objects(t, empty["messages"])) != 0 {
		t.Errorf("the history is %v", empty)
	}
	var ids []string
	for i := range 60 {
		ids = append(ids, idOf(say(t, p, ann, chatID, newText())))
		if i == 30 { // the log holds more than messages
			putMember(t, p, ann, chatID, bob, "member")
		}
	}
	page := func(t *testing.T, query string) (*reply, []string, string) {
		t.Helper()
		answer := ask(t, p, "GET", path+query, "", as).is(200)
		o := answer.fields("messages", "cursor")
		var got []string
		for _, m := range objects(t, o["messages"]) {
			if !fieldsAre(m, messageFields...) || m["chat"] != chatID || m["author"] != ann.name {
				t.Errorf("the message is %v", m)
			}
			if integer(t, m["id"]) > cursorOf(t, o) {
				t.Errorf("message %v is beyond the cursor %v", m["id"], o["cursor"])
			}
			got = append(got, idOf(m))
		}
		return answer, got, fmt.Sprint(o["cursor"])
	}
	expect := func(t *testing.T, query string, want []string) {
		t.Helper()
		if _, got, _ := page(t, query); !slices.Equal(got, want) {
			t.Errorf("%s: the messages are %v, should be %v", query, got, want)
		}
	}

	t.Run("the newest fifty without either, in log order", func(t *testing.T) {
		expect(t, "", ids[10:])
		expect(t, "?limit=50", ids[10:])
	})
	t.Run("limit, before and after", func(t *testing.T) {
		expect(t, "?limit=3", ids[57:])
		expect(t, "?limit=1", ids[59:])
		expect(t, "?limit=3&before="+ids[10], ids[7:10])
		expect(t, "?before="+ids[2], ids[:2])
		expect(t, "?before="+ids[0], nil)
		expect(t, "?limit=3&after="+ids[10], ids[11:14])
		expect(t, "?after="+ids[57], ids[58:])
		expect(t, "?after="+ids[59], nil)
		expect(t, "?limit=3&after=0", ids[:3])
		joined := fmt.Sprint(integer(t, number(ids[30])) + 1)
		expect(t, "?limit=2&after="+joined, ids[31:33])
		expect(t, "?limit=2&before="+joined, ids[29:31])
	})
	t.Run("the links lead through all of it", func(t *testing.T) {
		var got []string
		for query := "?limit=7"; query != ""; {
			answer, some, _ := page(t, query)
			got = append(some, got...)
			query = linked(t, answer, "prev", path)
			if len(got) > 2*len(ids) {
				t.Fatal("the links go in circles")
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("backwards: %v", got)
		}
		got = nil
		for query := "?limit=7&after=0"; query != ""; {
			answer, some, _ := page(t, query)
			got = append(got, some...)
			query = linked(t, answer, "next", path)
			if len(got) > 2*len(ids) || len(some) == 0 {
				break // who reads on and on polls
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("forwards: %v", got)
		}
	})
	t.Run("a stream after the cursor misses nothing and repeats nothing", func(t *testing.T) {
		for query, want := range map[string]string{"?limit=2&after=" + ids[10]: ids[13], "?limit=2&after=0": ids[2]} {
			_, _, cursor := page(t, query)
			s := openStream(t, p, "/chats/"+chatID+"/stream?limit=1&after="+cursor, as)
			if f := s.until(""); f.id != want {
				t.Errorf("%s: the stream begins with %s, should with %s", query, f.id, want)
			}
			s.untilBye("limit")
		}
		newest := func() string { return ids[len(ids)-1] }
		for _, query := range []func() string{
			func() string { return "" }, func() string { return "?limit=2" },
			func() string { return "?after=" + ids[len(ids)-3] }, func() string { return "?after=" + newest() },
		} {
			query := query()
			_, _, cursor := page(t, query)
			s := openStream(t, p, "/chats/"+chatID+"/stream?limit=1&after="+cursor, as)
			m := say(t, p, ann, chatID, newText())
			if f := s.until(""); f.id != idOf(m) {
				t.Errorf("%s: the stream begins with %s, should with %s", query, f.id, idOf(m))
			}
			s.untilBye("limit")
			ids = append(ids, idOf(m))
		}
	})
	t.Run("values that are no good are refused", func(t *testing.T) {
		for _, query := range []string{"?limit=0", "?limit=-1", "?limit=many", "?limit=1.5", "?before=first", "?before=-1", "?after=first", "?after=-1"} {
			ask(t, p, "GET", path+query, "", as).problem(400, "")
		}
	})
	t.Run("a member reads what was said before him and while he was away", func(t *testing.T) {
		id := makeChatOf(t, p, ann, "public")
		var want []string
		want = append(want, idOf(say(t, p, ann, id, newText())))
		putMember(t, p, bob, id, bob, "member")
		want = append(want, idOf(say(t, p, ann, id, newText())))
		removeMember(t, p, bob, id, bob)
		want = append(want, idOf(say(t, p, ann, id, newText())))
		putMember(t, p, bob, id, bob, "member")
		var got []string
		for _, m := range objects(t, ask(t, p, "GET", "/chats/"+id+"/messages", "", bearer(bob.token)).is(200).object()["messages"]) {
			got = append(got, idOf(m))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the messages are %v, should be %v", got, want)
		}
	})
}

// linked is the query of an answer's Link of that relation, "" for none.
func linked(t testing.TB, answer *reply, relation, path string) string {
	t.Helper()
	for _, link := range strings.Split(strings.Join(answer.header.Values("Link"), ","), ",") {
		target, parameters, _ := strings.Cut(strings.TrimSpace(link), ">")
		if !strings.Contains(parameters, `rel="`+relation+`"`) && !strings.Contains(parameters, "rel="+relation) {
			continue
		}
		u, err := url.Parse(strings.TrimPrefix(target, "<"))
		if err != nil || u.Path != path && !strings.HasSuffix(path, u.Path) && u.Path != "" {
			answer.errorf("the link is %q", link)
			return ""
		}
		return "?" + u.RawQuery
	}
	return ""
}

func number(digits string) json.Number { return json.Number(digits) }

// cursorOf is an answer's cursor, a number or one in quotes.
func cursorOf(t testing.TB, o map[string]any) int64 {
	t.Helper()
	return integer(t, number(fmt.Sprint(o["cursor"])))
}
