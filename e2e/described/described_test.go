package described

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"parley/docs"
)

const (
	ann     = `{"username":"ann","display_name":"Ann","admin":false,"bot":false,"disabled":false,"created_at":"2026-03-01T12:00:00.000Z"}`
	lobby   = `{"id":"lobby","title":"","visibility":"public","role":"owner","head":2,"unread":0,"last_message":null,"created_at":"2026-03-01T12:00:00.000Z"}`
	message = `{"id":7,"seq":3,"chat":"lobby","author":"ann","text":"hello","created_at":"2026-03-01T12:00:00.000Z"}`
)

func problem(status int, code string) string {
	return fmt.Sprintf(`{"type":"/problems/%s","title":"T","status":%d,"detail":"D.","code":"%s","request_id":"r"}`, code, status, code)
}

// judged sends a request to a server that answers as told, and returns what is said of it.
func judged(t *testing.T, method, path, kind, body string, status int, answer string, header ...string) []string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r")
		w.Header().Set("Content-Type", "application/json")
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer srv.Close()
	var mu sync.Mutex
	var told []string
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	c := http.Client{Transport: &Transport{Base: base, BasePath: "/chat", Deviates: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, line)
	}}}
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || string(got) != answer {
		t.Errorf("%s %s: the reader got %q, %v", method, path, got, err)
	}
	res.Body.Close()
	Wait()
	mu.Lock()
	defer mu.Unlock()
	return told
}

// deviations judges at once.
func deviations(q Question) (found []string) {
	judgeLater(q, func(line string) { found = append(found, line) })
	Wait()
	return found
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

func TestWhatIsAsDescribedIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method, path, kind, body string
		status                   int
		answer                   string
		header                   []string
	}{
		{"GET", "/me", "", "", 200, ann, nil},
		{"GET", "/chat/me", "", "", 200, ann, nil},
		{"GET", "/chats?limit=2&visibility=public", "", "", 200, `{"chats":[` + lobby + `]}`, []string{"Link", `</chats?after=lobby>; rel="next"`}},
		{"POST", "/chats", asJSON, `{"id":"lobby"}`, 201, lobby, []string{"Location", "/chats/lobby"}},
		{"POST", "/chats", asForm, "id=lobby&title=a+%26+b", 201, lobby, nil},
		{"POST", "/chats", asJSON, "", 201, lobby, nil},
		{"POST", "/chats", asJSON, `{"id":"no good"}`, 400, problem(400, "invalid_request"), nil},
		{"POST", "/login", asForm, "username=ann&password=correct-horse&cookie=true", 200, `{"expires_at":"2026-03-01T12:00:00.000Z","refresh_expires_at":"2026-03-01T12:00:00.000Z","user":` + ann + `}`, nil},
		{"POST", "/invites", asForm, "uses=5", 201, `{"code":"A","created_by":"ann","signup":true,"chat":null,"uses":5,"used":0,"created_at":"2026-03-01T12:00:00.000Z","expires_at":"2026-03-01T12:00:00.000Z"}`, nil},
		{"POST", "/chats/lobby/messages", asForm, "hello & more=", 201, message, nil},
		{"POST", "/chats/lobby/messages", "text/plain", "hello", 201, "7", []string{"Content-Type", "text/plain; charset=utf-8"}},
		{"PUT", "/users", "", "", 405, problem(405, "method_not_allowed"), []string{"Allow", "GET, POST"}},
		{"GET", "/nowhere", "", "", 404, problem(404, "not_found"), nil},
		{"GET", "/chats/lobby", "", "", 503, problem(503, "unavailable"), []string{"Retry-After", "2"}},
		{"GET", "/stream?after=7&errors=inband", "", "", 200, "retry: 1\n\n", []string{"Content-Type", "text/event-stream"}},
		{"GET", "/stream", "", "", 200, "\n", []string{"Content-Type", "application/x-ndjson"}},
		{"GET", "/stream", "", "", 200, `{"events":[{"event":"message","id":7,"data":` + message + `}],"cursor":7}`, nil},
		// A proxy answers this.
		{"GET", "/me", "", "", 502, "<html>", []string{"Content-Type", "text/html", "X-Request-Id", ""}},
	} {
		if told := judged(t, row.method, row.path, row.kind, row.body, row.status, row.answer, row.header...); len(told) != 0 {
			t.Errorf("%s %s %d: %q", row.method, row.path, row.status, told)
		}
	}
}

func TestEachDeviationIsToldInOneLine(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		method, path, kind, body string
		status                   int
		answer                   string
		header                   []string
		says                     string
	}{
		"a member that is not described":  {"GET", "/me", "", "", 200, strings.Replace(ann, "{", `{"shoe_size":42,`, 1), nil, "shoe_size"},
		"one deep inside":                 {"GET", "/chats", "", "", 200, `{"chats":[` + strings.Replace(lobby, "{", `{"colour":"red",`, 1) + `]}`, nil, "colour"},
		"a member that is missing":        {"GET", "/me", "", "", 200, strings.Replace(ann, `"bot":false,`, "", 1), nil, "bot"},
		"a member of another type":        {"GET", "/me", "", "", 200, strings.Replace(ann, `"bot":false`, `"bot":"no"`, 1), nil, "bot"},
		"a time without milliseconds":     {"GET", "/me", "", "", 200, strings.Replace(ann, ".000Z", "Z", 1), nil, "created_at"},
		"no JSON":                         {"GET", "/me", "", "", 200, "hello", nil, ""},
		"a status that is not described":  {"GET", "/healthz", "", "", 418, problem(418, "not_found"), nil, "418"},
		"a success that is not described": {"POST", "/chats", asJSON, `{}`, 202, lobby, nil, "202"},
		"a code that is not described":    {"GET", "/chats/lobby", "", "", 403, problem(403, "read_only"), nil, "read_only"},
		"a code that there is not":        {"GET", "/chats/lobby", "", "", 403, problem(403, "odd"), nil, "odd"},
		"a header that is missing":        {"GET", "/chats/lobby", "", "", 503, problem(503, "unavailable"), nil, "Retry-After"},
		"a header that is not described":  {"GET", "/chats", "", "", 200, `{"chats":[]}`, []string{"Sunset", "today"}, "Sunset"},
		"another media type":              {"GET", "/me", "", "", 200, "ann", []string{"Content-Type", "text/plain"}, "text/plain"},
		"a path that is not described":    {"GET", "/secret", "", "", 200, "{}", nil, "the path"},
		"405 that names no method":        {"PUT", "/users", "", "", 405, problem(405, "method_not_allowed"), nil, "Allow"},
		"a request with a bad field":      {"POST", "/chats", asJSON, `{"id":"No Good"}`, 201, lobby, nil, "took a request"},
		"a request with a bad form":       {"POST", "/chats", asForm, "visibility=secret", 201, lobby, nil, "took a request"},
		"a request without its body":      {"POST", "/messages", asJSON, "", 201, message, nil, "took a request"},
		"a request with a bad query":      {"GET", "/chats?limit=501", "", "", 200, `{"chats":[]}`, nil, "took a request"},
		"a body of another type":          {"POST", "/chats", "application/xml", "<a/>", 201, lobby, nil, "took a request"},
	} {
		told := judged(t, row.method, row.path, row.kind, row.body, row.status, row.answer, row.header...)
		if len(told) == 0 {
			t.Errorf("%s: nothing is said", what)
		}
		for _, line := range told {
			if strings.Contains(line, "\n") || !strings.HasPrefix(line, "docs/openapi.yaml: "+row.method+" ") {
				t.Errorf("%s: %q", what, line)
			}
		}
		if !strings.Contains(strings.Join(told, " "), row.says) {
			t.Errorf("%s: %q is not in %q", what, row.says, told)
		}
	}
}

func TestAStreamIsPassedOnAsItComes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/event-stream", "application/x-ndjson"} {
		read := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "r")
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, "first\n")
			w.(http.Flusher).Flush()
			<-read
		}))
		defer srv.Close()
		base := &http.Transport{}
		defer base.CloseIdleConnections()
		c := http.Client{Transport: &Transport{Base: base, Deviates: func(line string) { t.Error(line) }}}
		res, err := c.Get(srv.URL + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(res.Body).ReadString('\n'); line != "first\n" {
			t.Errorf("%s: %q, %v", kind, line, err)
		}
		close(read)
		res.Body.Close()
	}
}

func TestEachEventIsHeldToItsSchema(t *testing.T) {
	t.Parallel()
	for _, good := range [][]byte{
		Object("", "7", message),
		Object("reaction", "8", strings.Replace(message, "{", `{"reactions":{"👍":{"count":1,"users":["ann"]}},`, 1)),
		Object("ready", "", `{"head":7}`),
		Object("bye", "", `{"reason":"rotate"}`),
		[]byte(`{"event":"reset","id":7,"data":{"reason":"ahead","cursor":7}}`),
	} {
		if told := deviations(Question{Event: good}); len(told) != 0 {
			t.Errorf("%s: %q", good, told)
		}
	}
	for _, bad := range [][]byte{
		Object("", "", message),
		Object("gossip", "7", message),
		Object("reaction", "8", strings.Replace(message, "{", `{"reactions":{"👍":{"count":1,"users":["ann"],"since":8}},`, 1)),
		Object("ready", "", `{"head":"7"}`),
		Object("bye", "", `{"reason":"bored"}`),
		Object("bye", "", `{"reason":"rotate","again":true}`),
		Object("member.joined", "7", `{"seq":3,"chat":"lobby","username":"ann","role":"king"}`),
	} {
		if len(deviations(Question{Event: bad})) == 0 {
			t.Errorf("%s: nothing is said", bad)
		}
	}
}

// Where an example is missing the generated pages and clients show a made-up one.
func TestEveryExampleIsAsDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Example any }
		}
	}
	if err := yaml.Unmarshal(docs.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	held := 0
	for path, item := range doc.Paths {
		for method, o := range item {
			o, _ := o.(map[string]any)
			sent, _ := asked(o["requestBody"])
			answers, _ := o["responses"].(map[string]any)
			for status, a := range answers {
				answer, header := asked(a)
				if sent == nil && answer == nil || status[0] != '2' {
					continue
				}
				held++
				at := exampleSegment.ReplaceAllStringFunc(path, func(name string) string {
					if name == "{id}" {
						return "7"
					}
					return "lobby"
				})
				header.Set("Idempotency-Replayed", "true")
				x := &Exchange{
					Method: strings.ToUpper(method), URL: at, Requested: http.Header{}, Sent: sent,
					Status: int(status[0]-'0')*100 + int(status[2]-'0'), Answered: header, Answer: answer,
				}
				if sent != nil {
					x.Requested.Set("Content-Type", asJSON)
				}
				for _, line := range deviations(Question{Exchange: x}) {
					if answer == nil && !strings.HasPrefix(line, "it took") || strings.Contains(line, "Idempotency-Replayed") {
						continue // an answer without an example
					}
					t.Errorf("%s %s %s: %s", method, path, status, line)
				}
			}
		}
	}
	if held < 25 {
		t.Errorf("only %d examples were held", held)
	}
	for name, schema := range doc.Components.Schemas {
		if !strings.HasSuffix(name, "Event") || schema.Example == nil {
			continue
		}
		object, err := json.Marshal(schema.Example)
		if err != nil {
			t.Fatal(err)
		}
		if told := deviations(Question{Event: object}); len(told) != 0 {
			t.Errorf("%s: %q", name, told)
		}
	}
}

var exampleSegment = regexp.MustCompile(`\{\w+\}`)

// asked is the JSON example of a body, if it has one, and the header that goes with it.
func asked(body any) ([]byte, http.Header) {
	b, _ := body.(map[string]any)
	content, _ := b["content"].(map[string]any)
	inJSON, _ := content[asJSON].(map[string]any)
	if inJSON["example"] == nil {
		return nil, http.Header{}
	}
	data, err := json.Marshal(inJSON["example"])
	if err != nil {
		panic(err)
	}
	return data, http.Header{"Content-Type": {asJSON}}
}

// The whole suite's exchanges pass through this.
func BenchmarkExchange(b *testing.B) {
	x := &Exchange{
		Method: "POST", URL: "/messages", Requested: http.Header{"Content-Type": {asJSON}}, Sent: []byte(`{"chat":"lobby","text":"hello"}`),
		Status: 201, Answered: http.Header{"Content-Type": {asJSON}}, Answer: []byte(message),
	}
	if err := Start(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if told := deviations(Question{Exchange: x}); len(told) != 0 {
			b.Fatal(told)
		}
	}
}
