package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/e2e/need"
)

// onBothDatabases runs a test on a server of each.
func onBothDatabases(t *testing.T, test func(t *testing.T, p *process)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, serve(t)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, servePostgres(t, need.Postgres(t), "--signup", "open"))
	})
}

// edit asks for a new text of a message.
func edit(t testing.TB, p *process, who *account, m map[string]any, text string, with ...with) *reply {
	t.Helper()
	return ask(t, p, "PATCH", "/messages/"+idOf(m), `{"text":`+quoted(text)+`}`, append(with, bearer(who.token))...)
}

// erase asks for the deletion of a message.
func erase(t testing.TB, p *process, who *account, m map[string]any) *reply {
	t.Helper()
	return ask(t, p, "DELETE", "/messages/"+idOf(m), "", bearer(who.token))
}

// react puts or takes back a reaction.
func react(t testing.TB, p *process, who *account, method string, m map[string]any, emoji string) *reply {
	t.Helper()
	return ask(t, p, method, "/messages/"+idOf(m)+"/reactions/"+url.PathEscape(emoji), "", bearer(who.token))
}

// readMessage reads a message as somebody.
func readMessage(t testing.TB, p *process, who *account, m map[string]any) *reply {
	t.Helper()
	return ask(t, p, "GET", "/messages/"+idOf(m), "", bearer(who.token)).is(200)
}

// isTombstone says that a message is deleted and has no text.
func isTombstone(m map[string]any) bool {
	text, _ := m["text"].(string)
	return m["deleted"] != nil && m["deleted"] != false && text == ""
}

func TestContractAnEdit(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob, cyd, eve := newAccount(t, p), newAccount(t, p), newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	putMember(t, p, ann, chatID, bob, "member")
	putMember(t, p, ann, chatID, cyd, "admin")

	t.Run("changes the text and keeps the rest", func(t *testing.T) {
		m, text := say(t, p, bob, chatID, newText()), newText()
		before := readMessage(t, p, ann, m).header.Get("ETag")
		answer := edit(t, p, bob, m, text).is(200)
		o := answer.fields(append([]string{"edited_at"}, messageFields...)...)
		if o["text"] != text || idOf(o) != idOf(m) || o["author"] != bob.name || o["created_at"] != m["created_at"] {
			answer.errorf("it was %v", m)
		}
		checkMoments(t, o, "edited_at")
		read := readMessage(t, p, ann, m)
		if tag := read.header.Get("ETag"); tag == before || tag == "" || read.object()["text"] != text {
			read.errorf("ETag was %q and is %q", before, tag)
		}
	})
	t.Run("goes by If-Match", func(t *testing.T) {
		m, text := say(t, p, bob, chatID, newText()), newText()
		old := readMessage(t, p, bob, m).header.Get("ETag")
		edit(t, p, bob, m, text, header("If-Match", old)).is(200)
		for _, stale := range []string{old, `"unknown"`, `"unknown", ` + old} {
			edit(t, p, bob, m, newText(), header("If-Match", stale)).problem(412, "")
		}
		read := readMessage(t, p, bob, m)
		if read.object()["text"] != text {
			read.errorf("the text should be %s", text)
		}
		edit(t, p, bob, m, newText(), header("If-Match", old+", "+read.header.Get("ETag"))).is(200)
		edit(t, p, bob, m, newText(), header("If-Match", "*")).is(200)
	})
	t.Run("is the author's alone", func(t *testing.T) {
		m := say(t, p, bob, chatID, newText())
		edit(t, p, ann, m, newText()).problem(403, "")
		edit(t, p, cyd, m, newText()).problem(403, "")
		edit(t, p, eve, m, newText()).problem(404, "").sameAs(edit(t, p, eve, map[string]any{"id": 999999999}, newText()))
		if o := readMessage(t, p, ann, m).object(); o["text"] != m["text"] {
			t.Errorf("the message is %v, was %v", o, m)
		}
	})
	t.Run("of a text that is no good changes nothing", func(t *testing.T) {
		m := say(t, p, bob, chatID, newText())
		for _, text := range []string{"", strings.Repeat("a", 8001), "text\x00more"} {
			edit(t, p, bob, m, text).problem(400, "").names("text")
		}
		for _, body := range []string{`{}`, `{"text":7}`, `{"text":null}`, `{"text":"a text","author":"` + bob.name + `"}`, `{"text":"a text","text":"a text"}`, `{"text":"a text"} b`, `[]`} {
			ask(t, p, "PATCH", "/messages/"+idOf(m), body, bearer(bob.token)).problem(400, "")
		}
		ask(t, p, "PATCH", "/messages/"+idOf(m), "<a/>", ofKind("application/xml"), bearer(bob.token)).problem(415, "")
		ask(t, p, "PATCH", "/messages/"+idOf(m), `{"text":"`+strings.Repeat("a", 129<<10)+`"}`, bearer(bob.token)).problem(413, "")
		if o := readMessage(t, p, ann, m).object(); fmt.Sprint(o) != fmt.Sprint(m) {
			t.Errorf("the message is %v, was %v", o, m)
		}
	})
	t.Run("needs the right to post", func(t *testing.T) {
		m := say(t, p, bob, chatID, newText())
		putMember(t, p, ann, chatID, bob, "guest")
		edit(t, p, bob, m, newText()).problem(403, "read_only")
		erase(t, p, bob, m).problem(403, "read_only")
		react(t, p, bob, "PUT", m, "👍").problem(403, "read_only")
		removeMember(t, p, ann, chatID, bob)
		edit(t, p, bob, m, newText()).problem(404, "")
		erase(t, p, bob, m).problem(404, "")
		react(t, p, bob, "PUT", m, "👍").problem(404, "")
		ask(t, p, "GET", "/messages/"+idOf(m)+"/replies", "", bearer(bob.token)).problem(404, "")
		putMember(t, p, ann, chatID, bob, "member")
	})
}

func TestContractEditsAtOnceComeInOrder(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann := newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		m := say(t, p, ann, chatID, newText())
		atOnce := func(with ...with) (answers []*reply) {
			answers = make([]*reply, 6)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() { answers[i] = edit(t, p, ann, m, newText(), with...) })
			}
			all.Wait()
			return answers
		}
		won := 0
		for _, answer := range atOnce(header("If-Match", readMessage(t, p, ann, m).header.Get("ETag"))) {
			if answer.status == 200 {
				won++
			} else {
				answer.problem(412, "")
			}
		}
		if won != 1 {
			t.Errorf("%d edits of one version have won", won)
		}
		for _, answer := range atOnce() {
			answer.is(200)
		}
		events := eventsOf(t, p, ann, "/chats/"+chatID+"/stream")
		now := readMessage(t, p, ann, m).object()["text"]
		for i, f := range events {
			if o := f.object(t); integer(t, o["seq"]) != int64(i+1) || i > 0 && o["text"] != now {
				t.Errorf("event %d is %q; the text is %v", i+1, f.lines, now)
			}
		}
		if len(events) != 2+1+6 {
			t.Errorf("the events are %q", briefly(events))
		}
	})
}

func TestContractADeletionLeavesATombstone(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, bob, cyd, eve := newAccount(t, p), newAccount(t, p), newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	putMember(t, p, ann, chatID, bob, "member")
	putMember(t, p, ann, chatID, cyd, "admin")

	for name, by := range map[string]*account{"author": bob, "owner": ann, "admin": cyd} {
		m := say(t, p, bob, chatID, newText())
		erase(t, p, by, m).is(204)
		read := readMessage(t, p, bob, m)
		if o := read.object(); !isTombstone(o) || idOf(o) != idOf(m) || strings.Contains(string(read.body), fmt.Sprint(m["text"])) {
			read.errorf("the %s has deleted it", name)
		}
		edit(t, p, bob, m, newText()).problem(409, "deleted")
		if page := ask(t, p, "GET", "/chats/"+chatID+"/messages?limit=1", "", bearer(bob.token)).is(200); !isTombstone(objects(t, page.object()["messages"])[0]) {
			page.errorf("it should show a tombstone")
		}
	}
	m := say(t, p, ann, chatID, newText())
	erase(t, p, bob, m).problem(403, "")
	erase(t, p, eve, m).problem(404, "")
	erase(t, p, ann, map[string]any{"id": 999999999}).problem(404, "")
	if o := readMessage(t, p, bob, m).object(); fmt.Sprint(o) != fmt.Sprint(m) {
		t.Errorf("the message is %v, was %v", o, m)
	}
}

func TestContractReactions(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		putMember(t, p, ann, chatID, bob, "member")
		// shown is a reaction of one emoji, and of is what a message has of it.
		shown := func(count, users, mine any) string { return fmt.Sprintf("%v %v %v", count, users, mine) }
		of := func(o map[string]any, emoji string) string {
			all, _ := o["reactions"].(map[string]any)
			one, _ := all[emoji].(map[string]any)
			return shown(one["count"], one["users"], one["mine"])
		}

		t.Run("are counted once a user and are one's own", func(t *testing.T) {
			m := say(t, p, ann, chatID, newText())
			for range 2 {
				if o := react(t, p, bob, "PUT", m, "👍").is(200).object(); of(o, "👍") != shown(1, []any{bob.name}, true) {
					t.Errorf("the message is %v", o)
				}
			}
			if o := readMessage(t, p, ann, m).object(); of(o, "👍") != shown(1, []any{bob.name}, nil) && of(o, "👍") != shown(1, []any{bob.name}, false) {
				t.Errorf("to another the message is %v", o)
			}
			if o := react(t, p, ann, "PUT", m, "👍").is(200).object(); of(o, "👍") != shown(2, []any{bob.name, ann.name}, true) {
				t.Errorf("the message is %v", o)
			}
			react(t, p, bob, "DELETE", m, "👍").is(200)
			o := react(t, p, ann, "DELETE", m, "👍").is(200).object()
			if o["reactions"] != nil {
				t.Errorf("without reactions the message is %v", o)
			}
		})
		t.Run("are one emoji", func(t *testing.T) {
			m := say(t, p, ann, chatID, newText())
			for _, emoji := range []string{"❤️", "👩‍👩‍👧", "🇩🇪", "👍🏽", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"} {
				if o := react(t, p, ann, "PUT", m, emoji).is(200).object(); of(o, emoji) != shown(1, []any{ann.name}, true) {
					t.Errorf("with %q the message is %v", emoji, o)
				}
			}
			for _, not := range []string{"a", "1", " ", "👍👍", "👍a", "ü", "smile", "🇩🇪🇫🇷", "\x00", "\xf0\x9f", "👍\u200d", "\u200d", "\ufe0f"} {
				react(t, p, ann, "PUT", m, not).problem(400, "")
			}
		})
		t.Run("are of twenty kinds at most", func(t *testing.T) {
			m := say(t, p, ann, chatID, newText())
			kinds := strings.Split("😀 😁 😂 😃 😄 😅 😆 😇 😈 😉 😊 😋 😌 😍 😎 😏 😐 😑 😒 😓", " ")
			for _, emoji := range kinds {
				react(t, p, ann, "PUT", m, emoji).is(200)
			}
			react(t, p, bob, "PUT", m, "👍").problem(409, "too_many_reactions")
			react(t, p, bob, "PUT", m, kinds[7]).is(200)
			react(t, p, ann, "DELETE", m, kinds[0]).is(200)
			react(t, p, bob, "PUT", m, "👍").is(200)
		})
	})
}

func TestContractRepliesAreListed(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann := newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		first := say(t, p, ann, chatID, newText())
		path := "/messages/" + idOf(first) + "/replies"
		answer := func(to map[string]any) map[string]any {
			body := fmt.Sprintf(`{"text":%q,"reply_to":%s}`, newText(), idOf(to))
			return ask(t, p, "POST", "/chats/"+chatID+"/messages", body, bearer(ann.token)).is(201).object()
		}
		if list := objects(t, ask(t, p, "GET", path, "", bearer(ann.token)).is(200).fields("messages", "cursor")["messages"]); len(list) > 0 {
			t.Errorf("the replies are %v", list)
		}
		var want []string
		for range 5 {
			m := answer(first)
			want = append(want, idOf(m))
			answer(m)
			say(t, p, ann, chatID, newText())
		}
		follow := func(query string) (got []string) {
			for n := 0; query != "" && n < 10; n++ {
				page := ask(t, p, "GET", path+query, "", bearer(ann.token)).is(200)
				for _, m := range objects(t, page.fields("messages", "cursor")["messages"]) {
					got = append(got, idOf(m))
				}
				query = linked(t, page, "next", path)
			}
			return got
		}
		for _, query := range []string{"?limit=50", "?limit=2", "?limit=2&after=0"} {
			if got := follow(query); !slices.Equal(got, want) {
				t.Errorf("%s: the replies are %v, should be %v", query, got, want)
			}
		}
		if got := follow("?after=" + want[2]); !slices.Equal(got, want[3:]) {
			t.Errorf("behind the third the replies are %v", got)
		}
		for _, query := range []string{"?limit=0", "?limit=x", "?after=x", "?before=-1"} {
			ask(t, p, "GET", path+query, "", bearer(ann.token)).problem(400, "")
		}
		ask(t, p, "GET", "/messages/999999999/replies", "", bearer(ann.token)).problem(404, "")
	})
}

func TestContractARepeatedPostShowsTheMessageAsItIs(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		putMember(t, p, ann, chatID, bob, "member")
		post := func(text, key string) *reply {
			return ask(t, p, "POST", "/chats/"+chatID+"/messages", fmt.Sprintf(`{"text":%q,"client_id":%q}`, text, key), bearer(bob.token))
		}
		repeated := func(text, key string) map[string]any {
			t.Helper()
			a := post(text, key).is(200)
			if a.header.Get("Idempotency-Replayed") != "true" {
				a.errorf("Idempotency-Replayed is %q", a.header.Get("Idempotency-Replayed"))
			}
			return a.object()
		}
		text, edited, key := newText(), newText(), madeUp("key")
		m := post(text, key).is(201).object()
		edit(t, p, bob, m, edited).is(200)
		if o := repeated(text, key); idOf(o) != idOf(m) || o["text"] != edited {
			t.Errorf("after an edit it is %v", o)
		}
		post(edited, key).problem(422, "idempotency_mismatch")
		erase(t, p, bob, m).is(204)
		if o := repeated(text, key); idOf(o) != idOf(m) || !isTombstone(o) {
			t.Errorf("after the deletion it is %v", o)
		}
		post(edited, key).problem(422, "idempotency_mismatch")
		removeMember(t, p, bob, chatID, bob)
		if o := repeated(text, key); idOf(o) != idOf(m) || !isTombstone(o) {
			t.Errorf("after the leaving it is %v", o)
		}
	})
}

func TestContractAReplayShowsMessagesAsTheyAre(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *process) {
		ann, bob := newAccount(t, p), newAccount(t, p)
		chatID := makeChatOf(t, p, ann, "private")
		live := openStream(t, p, "/chats/"+chatID+"/stream?after=earliest", bearer(ann.token))
		putMember(t, p, ann, chatID, bob, "member")
		kept, changed, deleted := say(t, p, ann, chatID, newText()), say(t, p, ann, chatID, newText()), say(t, p, ann, chatID, newText())
		// away is the place of a reader who misses all changes.
		away, text := idOf(deleted), newText()
		edit(t, p, ann, changed, text).is(200)
		erase(t, p, ann, deleted).is(204)
		react(t, p, bob, "PUT", kept, "👍").is(200)
		react(t, p, bob, "DELETE", kept, "👍").is(200)

		names := []string{"message.edited", "message.deleted", "reaction", "reaction"}
		want := append([]string{"member.joined", "member.joined", "", "", ""}, names...)
		check := func(events []frame, want []string, from int) {
			t.Helper()
			if len(events) != len(want) {
				t.Fatalf("the events are %q, should be %q", briefly(events), want)
			}
			for i, f := range events {
				o := f.object(t)
				if f.name != want[i] || integer(t, o["seq"]) != int64(from+i) {
					t.Errorf("event %d is %q, should be %q", from+i, f.lines, want[i])
				}
				if strings.Contains(f.data, `"mine"`) {
					t.Errorf("a frame says what is one reader's own: %q", f.lines)
				}
				switch {
				case f.name == "message.edited" && (o["text"] != text || idOf(o) != idOf(changed)),
					f.name == "message.deleted" && (!isTombstone(o) || idOf(o) != idOf(deleted)),
					f.name == "reaction" && (o["text"] != kept["text"] || idOf(o) != idOf(kept)):
					t.Errorf("event %d is %q", from+i, f.lines)
				}
			}
		}
		var events []frame
		for range want {
			events = append(events, live.event())
		}
		check(events, want, 1)
		check(eventsOf(t, p, ann, "/chats/"+chatID+"/stream"), want, 1)
		check(openStream(t, p, "/chats/"+chatID+"/stream", header("Last-Event-ID", away), bearer(bob.token)).untilReady(), names, 6)
		check(openStream(t, p, "/stream?after="+away, bearer(bob.token)).untilReady(), names, 6)

		for _, path := range []string{"/chats/" + chatID + "/stream", "/stream"} {
			for _, kind := range []string{"text/event-stream", "application/x-ndjson", "text/plain", "application/json"} {
				query := fmt.Sprint("?after=earliest&timeout=10s&limit=", len(want))
				if kind == textKind {
					query = "?after=earliest&timeout=1s"
				}
				response := request(t, p, "GET", path+query, "", header("Accept", kind), bearer(ann.token))
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), text) {
					t.Errorf("%s as %s: %d, %v: %s", path, kind, response.StatusCode, err, body)
				}
				for _, gone := range []map[string]any{changed, deleted} {
					if strings.Contains(string(body), fmt.Sprint(gone["text"])) {
						t.Errorf("%s as %s shows the text of %v:\n%s", path, kind, gone, body)
					}
				}
				for _, name := range names {
					if kind != textKind && !strings.Contains(string(body), name) {
						t.Errorf("%s as %s is without %s:\n%s", path, kind, name, body)
					}
				}
			}
		}
	})
}

func TestContractWaitAnswersWithTheFirstMatch(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann, eve := newAccount(t, p), newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	path := "/chats/" + chatID + "/wait"
	wait := func(query string) *reply { return ask(t, p, "GET", path+query, "", bearer(ann.token)) }
	before := say(t, p, ann, chatID, "build 1 done")
	other, second := say(t, p, ann, chatID, "an aside"), say(t, p, ann, chatID, "build 2 done")
	say(t, p, ann, chatID, "build 3 done")

	match := url.QueryEscape(`^build \d+ done$`)
	if m := wait("?match=" + match + "&after=" + idOf(before)).is(200).object(); fmt.Sprint(m) != fmt.Sprint(second) {
		t.Errorf("the match behind %v is %v, should be %v", before, m, second)
	}
	wait("?match=" + match + "&timeout=1s").is(204) // only what comes
	wait("?match=never&timeout=1s&after=" + idOf(other)).is(204)

	answer := make(chan *reply)
	live := say(t, p, ann, chatID, "an aside, too")
	go func() { answer <- wait("?match=" + match + "&timeout=30s&after=" + idOf(live)) }()
	say(t, p, ann, chatID, "not this")
	m := say(t, p, ann, chatID, "build 4 done")
	if got := (<-answer).is(200).object(); fmt.Sprint(got) != fmt.Sprint(m) {
		t.Errorf("the message waited for is %v, should be %v", got, m)
	}

	// While a stream is open, the server keeps the end of the log in memory.
	openStream(t, p, "/chats/"+chatID+"/stream", bearer(ann.token)).until("ready")
	edit(t, p, ann, say(t, p, ann, chatID, "old words"), "new words").is(200)
	if m := wait("?match=words&timeout=1s&after=0").is(200).object(); m["text"] != "new words" {
		t.Errorf("of an edited message the match is %v", m)
	}

	for _, query := range []string{
		"?match=(", "?match=" + strings.Repeat("a", 201), "?match=build&after=0&timeout=61s", "?match=a&timeout=soon", "?match=a&timeout=-1s",
	} {
		wait(query).problem(400, "")
	}
	if m := wait("?match=" + url.QueryEscape("build 2|"+strings.Repeat("ü", 192)) + "&after=" + idOf(before)).is(200).object(); idOf(m) != idOf(second) {
		t.Errorf("a pattern of 200 characters finds %v", m)
	}
	ask(t, p, "GET", path+"?match=a&timeout=1s", "", bearer(eve.token)).problem(404, "")
}
