package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/e2e/described"
	"parley/e2e/leak"
	"parley/server"
)

func TestMain(m *testing.M) {
	if err := described.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leak.Main(m)
}

const (
	secret   = "0123456789abcdef0123456789abcdef"
	password = "correct-horse-battery"
)

// house is a server on SQLite in a folder of the test's own.
type house struct {
	t      *testing.T
	srv    *server.Server
	url    string
	client *http.Client
	stop   context.CancelFunc
	served chan error

	log lockedBuffer
	// secrets must stand in no line of the log.
	secrets []string
	// deviations are the lines that tell of what passed and is not as docs/openapi.yaml says.
	deviations lockedBuffer
}

// open starts a server, which the test's end drains.
func open(t *testing.T, change ...func(*server.Settings)) *house {
	t.Helper()
	return openByClock(t, time.Now, change...)
}

// openByClock is open with another clock, as server.OpenByClock has it.
func openByClock(t *testing.T, now func() time.Time, change ...func(*server.Settings)) *house {
	t.Helper()
	s := server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), JWTSecret: secret,
		// Every test runs on either path.
		Streams: os.Getenv("PARLEY_STREAMS")}
	for _, c := range change {
		c(&s)
	}
	h := &house{t: t, served: make(chan error, 1), secrets: []string{password, secret}}
	srv, err := server.OpenByClock(t.Context(), s, &h.log, now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	h.srv, h.stop = srv, stop
	h.url = "http://" + srv.Addr().String()
	transport := h.watched(&http.Transport{})
	h.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	go func() { h.served <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		h.drained()
		h.searchLog()
		described.Wait()
		for line := range strings.Lines(h.deviations.String()) {
			t.Error(strings.TrimSpace(line))
		}
	})
	return h
}

// watched holds what a transport carries to docs/openapi.yaml.
func (h *house) watched(transport http.RoundTripper) *described.Transport {
	elsewhere := ""
	if metrics := h.srv.MetricsAddr(); metrics != nil {
		elsewhere = metrics.String()
	}
	return &described.Transport{Base: transport, BasePath: "/chat", Elsewhere: elsewhere, Deviates: h.deviates}
}

// deviates fails the test at its end, and may be called as late as that.
func (h *house) deviates(line string) { _, _ = h.deviations.Write([]byte(line + "\n")) }

// drained stops the server and waits for its end.
func (h *house) drained() {
	h.t.Helper()
	h.stop()
	select {
	case err, ok := <-h.served:
		if ok {
			close(h.served)
		}
		if err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		h.t.Fatal("the server did not drain within 20 s")
	}
}

// searchLog holds the server to its promise that nothing confidential is logged.
func (h *house) searchLog() {
	printed := h.log.String()
	for _, s := range h.secrets {
		if s != "" && strings.Contains(printed, s) {
			h.t.Errorf("the log holds %q:\n%s", s, printed)
		}
	}
}

// eventually waits for what others bring about.
func (h *house) eventually(claim string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(end) {
			h.t.Fatalf("not within 30 s: %s", claim)
		}
		time.Sleep(time.Millisecond)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answer is a whole answer.
type answer struct {
	t      *testing.T
	asked  string
	status int
	header http.Header
	body   string
}

// do asks and reads the whole answer. headers are names and values in turn.
func (h *house) do(method, path, body string, headers ...string) answer {
	h.t.Helper()
	res := h.send(method, path, strings.NewReader(body), headers...)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, ck := range res.Cookies() {
		h.secrets = append(h.secrets, ck.Value)
	}
	return answer{h.t, method + " " + path, res.StatusCode, res.Header, string(data)}
}

func (h *house) send(method, path string, body io.Reader, headers ...string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := h.client.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res
}

// want demands a status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: answered %d, not %d: %s", a.asked, a.status, status, a.body)
	}
	return a
}

// refused demands a problem document of a status and a code that names a field,
// if one is given.
func (a answer) refused(status int, code string, fields ...string) answer {
	a.t.Helper()
	a.want(status)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("%s: a %s and no problem document: %s", a.asked, got, a.body)
	}
	var p struct {
		Type, Title, Detail, Code, Instance string
		Status                              int
		RequestID                           string `json:"request_id"`
		Errors                              []struct{ Field, Message string }
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.t.Fatalf("%s: %v: %s", a.asked, err, a.body)
	}
	if p.Code != code || p.Type != "/problems/"+code || p.Status != status || p.RequestID == "" || p.Title == "" || p.Detail == "" {
		a.t.Fatalf("%s: not the problem %d %s: %s", a.asked, status, code, a.body)
	}
	if status == http.StatusUnauthorized && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		a.t.Errorf("%s: 401 without a challenge", a.asked)
	}
	if status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "" {
		a.t.Errorf("%s: 503 without Retry-After", a.asked)
	}
	for _, field := range fields {
		found := false
		for _, e := range p.Errors {
			found = found || e.Field == field && e.Message != ""
		}
		if !found {
			a.t.Errorf("%s: %q is not named: %s", a.asked, field, a.body)
		}
	}
	return a
}

// into reads the answer's JSON.
func (a answer) into(v any) {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/json" {
		a.t.Fatalf("%s: Content-Type %q", a.asked, got)
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.asked, err, a.body)
	}
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// login is the answer of a login.
type login struct {
	Token        string `json:"token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token"`
}

// user makes a user, logs him in, and returns what he sends with his requests.
func (h *house) user(name string) []string {
	h.t.Helper()
	h.do("POST", "/users", "username="+name+"&password="+password, "Content-Type", asForm).want(201)
	return bearer(h.logIn(name).Token)
}

func (h *house) logIn(name string) login {
	h.t.Helper()
	var l login
	h.do("POST", "/login", `{"username":"`+name+`","password":"`+password+`"}`, "Content-Type", asJSON).want(200).into(&l)
	h.secrets = append(h.secrets, l.Token, l.RefreshToken)
	return l
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// with adds headers to headers.
func with(headers []string, more ...string) []string {
	return append(append([]string(nil), headers...), more...)
}

// cookies logs somebody in by cookie and returns the header that a browser sends.
func (h *house) cookies(name string) []string {
	h.t.Helper()
	a := h.do("POST", "/login", "username="+name+"&cookie=true&password="+password, "Content-Type", asForm).want(200)
	return []string{"Cookie", a.cookieHeader()}
}

func (a answer) cookies() []*http.Cookie { return (&http.Response{Header: a.header}).Cookies() }

func (a answer) cookieHeader() string {
	var pairs []string
	for _, ck := range a.cookies() {
		pairs = append(pairs, ck.Name+"="+ck.Value)
	}
	return strings.Join(pairs, "; ")
}

// chat makes a chat.
func (h *house) chat(id string, who []string) {
	h.t.Helper()
	h.do("POST", "/chats", `{"id":"`+id+`"}`, with(who, "Content-Type", asJSON)...).want(201)
}

// say posts a text, of which no line of the log may tell.
func (h *house) say(chatID, text string, who []string) answer {
	h.t.Helper()
	h.secrets = append(h.secrets, text)
	return h.do("POST", "/chats/"+chatID+"/messages", text, with(who, "Content-Type", "text/plain")...).want(201)
}

// stream is an open stream.
type stream struct {
	t    *testing.T
	body io.ReadCloser
	r    *bufio.Reader
}

// follow opens a stream, which the test's end closes.
func (h *house) follow(path string, headers ...string) *stream {
	h.t.Helper()
	res := h.send("GET", path, http.NoBody, headers...)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(res.Body)
		h.t.Fatalf("GET %s: %s: %s", path, res.Status, body)
	}
	h.t.Cleanup(func() { res.Body.Close() })
	return &stream{h.t, res.Body, bufio.NewReader(res.Body)}
}

// block reads up to a blank line; false at the end of the stream.
func (s *stream) block() (string, bool) {
	s.t.Helper()
	var lines []string
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "\n"), false
		}
		if line == "\n" {
			return strings.Join(lines, "\n"), true
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// until reads blocks up to one that holds text.
func (s *stream) until(text string) string {
	s.t.Helper()
	for {
		block, ok := s.block()
		if strings.Contains(block, text) {
			return block
		}
		if !ok {
			s.t.Fatalf("the stream ended before %q", text)
		}
	}
}

// ends reads up to a block that holds text, with which the stream is over.
func (s *stream) ends(text string) {
	s.t.Helper()
	s.until(text)
	if block, more := s.block(); more || block != "" {
		s.t.Errorf("behind %q there is %q", text, block)
	}
}

type settings = server.Settings
