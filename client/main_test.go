package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// soon bounds every wait of a test for something that is about to happen.
const soon = time.Minute

// service is a parley of a few lines that answers as the test tells it to.
type service struct {
	*http.ServeMux
	url    string
	client *Client
	waits  waits
}

// newService starts a service and makes its client, whose pauses take no time.
// At the test's end nothing may be left of either.
func newService(t *testing.T, opts ...Option) *service {
	t.Helper()
	t.Cleanup(func() { leak.None(t) })
	s := &service{ServeMux: http.NewServeMux()}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.url = srv.URL
	s.client = New(srv.URL, append([]Option{WithHTTPClient(&http.Client{Transport: transport})}, opts...)...)
	s.client.pause = s.waits.pause
	return s
}

// waits are the pauses that a client took. One that is longer than any wait for a
// better answer lasts until its context ends; the others take no time.
type waits struct {
	mu   sync.Mutex
	took []time.Duration
}

func (w *waits) pause(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, d)
	if d > 10*time.Minute {
		w.mu.Unlock()
		<-ctx.Done()
		w.mu.Lock()
	}
	return ctx.Err()
}

func (w *waits) all() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Duration(nil), w.took...)
}

// testContext ends when the test takes too long, so that it fails and does not
// hang.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	return ctx
}

// wire is the service's end of a stream.
type wire struct {
	t *testing.T
	w http.ResponseWriter
	r *http.Request
}

func (w wire) send(s string) {
	io.WriteString(w.w, s)
	w.w.(http.Flusher).Flush()
}

// message sends a whole message frame in the order of the contract.
func (w wire) message(id int64) { w.send(messageFrame(id, fmt.Sprint("text ", id))) }

// cut breaks the connection without HTTP's last chunk.
func (w wire) cut() { panic(http.ErrAbortHandler) }

// hold keeps the stream open until the client goes.
func (w wire) hold() {
	select {
	case <-w.r.Context().Done():
	case <-time.After(soon):
		w.t.Error("the client held on to its stream")
	}
}

func (w wire) wantLastID(want string) {
	w.t.Helper()
	if got := w.r.Header.Get("Last-Event-ID"); got != want {
		w.t.Errorf("Last-Event-ID is %q, want %q", got, want)
	}
}

func (w wire) wantToken(want string) {
	w.t.Helper()
	if got := w.r.Header.Get("Authorization"); got != "Bearer "+want {
		w.t.Errorf("Authorization is %q, want %q", got, want)
	}
}

func messageFrame(id int64, text string) string {
	data, _ := json.Marshal(map[string]any{"id": id, "seq": id, "chat": "lobby", "author": "ann", "text": text, "created_at": "2026-01-02T03:04:05.678Z"})
	return fmt.Sprintf("data: %s\nid: %d\n\n", data, id)
}

// streams answers the stream requests of path in turn, one script each; whoever
// comes after the last is held.
func (s *service) streams(t *testing.T, path string, scripts ...func(wire)) *atomic.Int64 {
	var n atomic.Int64
	s.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		w.Header().Set("Content-Type", "text/event-stream")
		end := wire{t, w, r}
		if i < len(scripts) {
			scripts[i](end)
			return
		}
		end.send(": held\n\n")
		end.hold()
	})
	return &n
}

// lobby scripts the stream of the chat that the tests follow.
func (s *service) lobby(t *testing.T, scripts ...func(wire)) *atomic.Int64 {
	return s.streams(t, "/chats/lobby/stream", scripts...)
}

// follow ranges over the lobby until it has n events, or to the end.
func (s *service) follow(t *testing.T, from Cursor, n int) ([]Event, error) {
	t.Helper()
	var events []Event
	for ev, err := range s.client.Follow(testContext(t), "lobby", from) {
		if err != nil {
			return events, err
		}
		if events = append(events, ev); len(events) == n {
			return events, nil
		}
	}
	return events, nil
}

func ids(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d ", e.ID)
	}
	return strings.TrimSpace(b.String())
}

func wantIDs(t *testing.T, events []Event, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(events); got != want {
		t.Fatalf("events %s, want %s", got, want)
	}
}

// accounts is the service's side of a session: it knows one user, and counts.
type accounts struct {
	life             time.Duration
	clock            func() time.Time
	refused          atomic.Bool // refreshes are
	before           func(n int64)
	logins, renewals atomic.Int64

	mu      sync.Mutex
	current int64
	seen    []string // the refresh tokens presented
}

// accounts adds login, refresh and logout.
func (s *service) accounts(life time.Duration) *accounts {
	a := &accounts{life: life, clock: time.Now}
	s.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		a.logins.Add(1)
		a.grant(w)
	})
	s.HandleFunc("POST /refresh", func(w http.ResponseWriter, r *http.Request) {
		var body refreshBody
		json.NewDecoder(r.Body).Decode(&body)
		a.mu.Lock()
		a.seen = append(a.seen, body.RefreshToken)
		a.mu.Unlock()
		n := a.renewals.Add(1)
		if a.before != nil {
			a.before(n)
		}
		if a.refused.Load() {
			refuse(w, 401, chat.ErrBadRefreshToken)
			return
		}
		a.grant(w)
	})
	return a
}

func (a *accounts) grant(w http.ResponseWriter) {
	a.mu.Lock()
	a.current++
	n := a.current
	a.mu.Unlock()
	now := a.clock()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(chat.Login{
		Token: fmt.Sprint("access-", n), TokenType: "Bearer", ExpiresAt: chat.NewTime(now.Add(a.life)),
		RefreshToken: fmt.Sprint("refresh-", n), RefreshExpiresAt: chat.NewTime(now.Add(time.Hour)),
		User: chat.User{Username: "ann", DisplayName: "Ann", CreatedAt: chat.NewTime(now)},
	})
}

func (a *accounts) presented() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.seen, " ")
}

func (s *service) logIn(t *testing.T) {
	t.Helper()
	if _, err := s.client.LogIn(testContext(t), "ann", "correct-horse"); err != nil {
		t.Fatal(err)
	}
}

// age lets the client's tokens grow older by d.
func (s *service) age(d time.Duration) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	s.client.creds.since = s.client.creds.since.Add(-d)
}

// unauthenticated is the refusal of a token that is no good.
var unauthenticated = &chat.Error{Code: "unauthenticated", Detail: "The token is not valid."}

// refuse writes a problem document.
func refuse(w http.ResponseWriter, status int, e *chat.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"type": "/problems/" + string(e.Code), "title": http.StatusText(status), "status": status,
		"detail": e.Detail, "code": e.Code, "request_id": "r-1", "errors": e.Fields,
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
