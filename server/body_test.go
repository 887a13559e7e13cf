package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestABadBodyIsRefusedAndTheFieldNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	posts := "/chats/lobby/messages"
	for _, row := range []struct {
		name, method, path, kind, body string
		status                         int
		code, field                    string
	}{
		{"not JSON", "POST", "/chats", asJSON, `id=a`, 400, "invalid_request", "body"},
		{"JSON that breaks off", "POST", "/chats", asJSON, `{"id":"a"`, 400, "invalid_request", "body"},
		{"blanks that say they are JSON", "POST", "/chats", asJSON, ` `, 400, "invalid_request", "body"},
		{"trailing garbage", "POST", "/chats", asJSON, `{"id":"a"} x`, 400, "invalid_request", "body"},
		{"two objects", "POST", "/chats", asJSON, `{"id":"a"}{}`, 400, "invalid_request", "body"},
		{"an array", "POST", "/chats", asJSON, `[]`, 400, "invalid_request", "body"},
		{"null", "POST", "/chats", asJSON, `null`, 400, "invalid_request", "body"},
		{"an unknown field", "POST", "/chats", asJSON, `{"idd":"a"}`, 400, "invalid_request", "idd"},
		{"a field in capitals", "POST", posts, asJSON, `{"text":"a","TEXT":"b"}`, 400, "invalid_request", "TEXT"},
		{"a repeated field", "POST", posts, asJSON, `{"text":"a","text":"b"}`, 400, "invalid_request", "text"},
		{"an author", "POST", posts, asJSON, `{"text":"a","author":"bob"}`, 400, "invalid_request", "author"},
		{"a chat named twice", "POST", posts, asJSON, `{"text":"a","chat":"lobby"}`, 400, "invalid_request", "chat"},
		{"a number for a text", "POST", posts, asJSON, `{"text":1}`, 400, "invalid_request", "text"},
		{"a string for a number", "POST", posts, asJSON, `{"text":"a","reply_to":"1"}`, 400, "invalid_request", "reply_to"},
		{"a fraction for a number", "POST", posts, asJSON, `{"text":"a","reply_to":1.5}`, 400, "invalid_request", "reply_to"},
		{"a number beyond int64", "POST", posts, asJSON, `{"text":"a","reply_to":99999999999999999999}`, 400, "invalid_request", "reply_to"},
		{"reply to nothing", "POST", posts, asJSON, `{"text":"a","reply_to":0}`, 400, "invalid_request", "reply_to"},
		{"reply to what is no message here", "POST", posts, asJSON, `{"text":"a","reply_to":1}`, 400, "invalid_request", "reply_to"},
		{"an empty text", "POST", posts, asJSON, `{"text":""}`, 400, "invalid_request", "text"},
		{"no text", "POST", posts, asJSON, `{}`, 400, "invalid_request", "text"},
		{"an empty text/plain", "POST", posts, "text/plain", ``, 400, "invalid_request", "text"},
		{"a long text", "POST", posts, asJSON, `{"text":"` + strings.Repeat("ä", 8001) + `"}`, 400, "invalid_request", "text"},
		{"NUL", "POST", posts, asJSON, `{"text":"a\u0000"}`, 400, "invalid_request", "text"},
		{"NUL in plain text", "POST", posts, "text/plain", "a\x00", 400, "invalid_request", "text"},
		{"invalid UTF-8", "POST", posts, asJSON, "{\"text\":\"\xff\"}", 400, "invalid_request", "text"},
		{"invalid UTF-8 in plain text", "POST", posts, "text/plain", "\xff", 400, "invalid_request", "text"},
		{"a lone surrogate", "POST", posts, asJSON, `{"text":"\ud800"}`, 400, "invalid_request", "text"},
		{"an empty client_id", "POST", posts, asJSON, `{"text":"a","client_id":""}`, 400, "invalid_request", "client_id"},
		{"a client_id with a blank", "POST", posts, asJSON, `{"text":"a","client_id":"a b"}`, 400, "invalid_request", "client_id"},
		{"a long client_id", "POST", posts, asJSON, `{"text":"a","client_id":"` + strings.Repeat("a", 129) + `"}`, 400, "invalid_request", "client_id"},
		{"over 128 KiB", "POST", posts, "text/plain", strings.Repeat("a", 128<<10+1), 413, "too_large", ""},
		{"another type", "POST", posts, "image/png", "a", 415, "unsupported_media_type", ""},
		{"another charset", "POST", posts, "text/plain; charset=latin1", "a", 415, "unsupported_media_type", ""},
		{"no type", "POST", posts, "", "a", 415, "unsupported_media_type", ""},
		{"plain text with no place for a chat", "POST", "/messages", "text/plain", "a", 415, "unsupported_media_type", ""},
		{"no chat", "POST", "/messages", asJSON, `{"text":"a"}`, 400, "invalid_request", "chat"},
		{"a chat that is none", "POST", "/messages", asJSON, `{"text":"a","chat":"nope"}`, 404, "not_found", ""},
		{"a chat that cannot be", "POST", "/messages", asJSON, `{"text":"a","chat":"No Pe"}`, 404, "not_found", ""},
		{"a form that is none", "POST", "/messages", asForm, `%zz`, 400, "invalid_request", "body"},
		{"an unknown field in a form", "POST", "/messages", asForm, `chat=lobby&text=a&x=1`, 400, "invalid_request", "x"},
		{"an author in a form", "POST", "/messages", asForm, `chat=lobby&text=a&author=bob`, 400, "invalid_request", "author"},
		{"a repeated field in a form", "POST", "/messages", asForm, `chat=lobby&text=a&text=b`, 400, "invalid_request", "text"},
		{"a word for a number in a form", "POST", "/messages", asForm, `chat=lobby&text=a&reply_to=x`, 400, "invalid_request", "reply_to"},
		{"invalid UTF-8 in a form", "POST", "/messages", asForm, `chat=lobby&text=%ff`, 400, "invalid_request", "text"},
		{"a word for yes in a form", "POST", "/login", asForm, `username=ann&password=x&cookie=yes`, 400, "invalid_request", "cookie"},
		{"no password", "POST", "/login", asJSON, `{"username":"ann"}`, 400, "invalid_request", "password"},
		{"a short password", "POST", "/users", asJSON, `{"username":"bob","password":"short"}`, 400, "invalid_request", "password"},
		{"a common password", "POST", "/users", asJSON, `{"username":"bob","password":"qwertyuiop"}`, 400, "weak_password", "password"},
		{"a password that is a name", "POST", "/users", asJSON, `{"username":"bob","password":"ＢＯＢ the builder","display_name":"Bob the Builder"}`, 400, "weak_password", "password"},
		{"a bad username beside a short password", "POST", "/users", asJSON, `{"username":"Bob","password":"short"}`, 400, "invalid_request", "username"},
		{"an empty display name", "POST", "/users", asJSON, `{"username":"bob","password":"` + password + `","display_name":""}`, 400, "invalid_request", "display_name"},
		{"a bad id", "POST", "/chats", asJSON, `{"id":"A b"}`, 400, "invalid_request", "id"},
		{"an empty id", "POST", "/chats", asJSON, `{"id":""}`, 400, "invalid_request", "id"},
		{"a long title", "POST", "/chats", asJSON, `{"title":"` + strings.Repeat("a", 201) + `"}`, 400, "invalid_request", "title"},
		{"a bad visibility", "POST", "/chats", asJSON, `{"visibility":"secret"}`, 400, "invalid_request", "visibility"},
		{"a bad visibility of an old chat", "PATCH", "/chats/lobby", asJSON, `{"visibility":"secret"}`, 400, "invalid_request", "visibility"},
		{"a bad role", "PUT", "/chats/lobby/members/ann", asJSON, `{"role":"king"}`, 400, "invalid_request", "role"},
		{"no refresh token", "POST", "/refresh", asJSON, `{}`, 400, "invalid_request", "refresh_token"},
	} {
		t.Run(row.name, func(t *testing.T) {
			headers := ann
			if row.kind != "" {
				headers = with(ann, "Content-Type", row.kind)
			}
			var fields []string
			if row.field != "" {
				fields = append(fields, row.field)
			}
			a := h.do(row.method, row.path, row.body, headers...)
			a.t = t
			a.refused(row.status, row.code, fields...)
			if row.status == 415 && !strings.Contains(a.body, "Content-Type: application/json") {
				t.Errorf("the header to send is not named: %s", a.body)
			}
		})
	}
	var history struct{ Messages []any }
	h.do("GET", posts, "", ann...).want(200).into(&history)
	if len(history.Messages) != 0 {
		t.Errorf("something was stored: %v", history.Messages)
	}
}

func TestAnEmptyBodyIsNoneWhateverItsType(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	h.do("PATCH", "/chats/lobby", `{"visibility":"public"}`, with(ann, "Content-Type", asJSON)...).want(200)
	h.user("bob")
	for _, headers := range [][]string{
		nil,
		{"Content-Type", asJSON},
		{"Content-Type", asForm},
		{"Content-Type", "text/plain; charset=latin1"},
		{"Content-Type", "nonsense"},
		{"Content-Type", asJSON, "Content-Encoding", "gzip"},
	} {
		for name, nothing := range map[string]io.Reader{
			"of no length": http.NoBody, "in chunks": struct{ io.Reader }{strings.NewReader("")},
		} {
			ask := func(method, path string, credential []string) int {
				res := h.send(method, path, nothing, with(credential, headers...)...)
				res.Body.Close()
				return res.StatusCode
			}
			bob, cookies := bearer(h.logIn("bob").Token), h.cookies("bob")
			for _, row := range []struct {
				method, path string
				credential   []string
				want         int
			}{
				{"POST", "/chats", bob, 201},
				{"PUT", "/chats/lobby/members/bob", bob, 200},
				{"PATCH", "/chats/lobby", ann, 200},
				{"POST", "/chats/lobby/messages", bob, 400},
				{"POST", "/login", nil, 400},
				{"POST", "/refresh", cookies, 200},
				{"POST", "/logout", bob, 204},
			} {
				if got := ask(row.method, row.path, row.credential); got != row.want {
					t.Errorf("%s %s with %q and nothing %s: %d, want %d", row.method, row.path, headers, name, got, row.want)
				}
			}
		}
	}
}

func TestALargeBodyWithoutALengthIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	// A reader of no known length is sent in chunks.
	body := struct{ *strings.Reader }{strings.NewReader(strings.Repeat("a", 128<<10+1))}
	res := h.send("POST", "/chats/lobby/messages", body, with(ann, "Content-Type", "text/plain")...)
	defer res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("answered %s", res.Status)
	}
}

func TestABadQueryValueIsRefusedAndNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	for _, row := range []struct{ path, field string }{
		{"/chats/lobby/messages?limit=0", "limit"},
		{"/chats/lobby/messages?limit=201", "limit"},
		{"/chats/lobby/messages?limit=-1", "limit"},
		{"/chats/lobby/messages?limit=", "limit"},
		{"/chats/lobby/messages?limit=1&limit=2", "limit"},
		{"/chats/lobby/messages?before=x", "before"},
		{"/chats/lobby/messages?after=-1", "after"},
		{"/chats/lobby/messages?after=1234567890123456789", "after"},
		{"/chats/lobby/messages?after=1&before=2", "before"},
		{"/chats/lobby/messages?%zz=1", "query"},
		{"/chats?visibility=secret", "visibility"},
		{"/chats?visibility=", "visibility"},
		{"/stream?errors=&timeout=1ms", "errors"},
		{"/stream?origin=&timeout=1ms", "origin"},
		{"/stream?limit=0", "limit"},
		{"/stream?limit=x", "limit"},
		{"/stream?timeout=30", "timeout"},
		{"/stream?timeout=-1s", "timeout"},
		{"/stream?timeout=0s", "timeout"},
		{"/stream?errors=loud", "errors"},
		{"/chats/lobby/stream?origin=" + strings.Repeat("a", 65), "origin"},
		{"/chats/lobby/stream?origin=a%20b", "origin"},
	} {
		h.do("GET", row.path, "", ann...).refused(400, "invalid_request", row.field)
	}
}

func TestAnAnswerThatIsNotOfferedIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	for _, row := range []struct{ method, path, accept string }{
		{"GET", "/me", "text/html"},
		{"GET", "/me", "text/plain"},
		{"GET", "/me", "application/json;q=0"},
		{"POST", "/chats/lobby/messages", "application/xml"},
		{"GET", "/stream", "text/html"},
		{"GET", "/chats/lobby/stream", "image/png"},
	} {
		h.do(row.method, row.path, "", with(ann, "Accept", row.accept)...).refused(406, "not_acceptable")
	}
	for _, accept := range []string{"*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "text/html, */*;q=0.1"} {
		h.do("GET", "/me", "", with(ann, "Accept", accept)...).want(200)
	}
}
