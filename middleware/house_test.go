package middleware_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"parley/middleware"
)

func init() { gin.SetMode(gin.ReleaseMode) }

// noon is what the clock of every test shows at its beginning.
var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

// house is a router with the whole chain in the order of the package's comment.
type house struct {
	*gin.Engine
	log      *lines
	metrics  *prometheus.Registry
	tokens   *middleware.Tokens
	origins  *middleware.Origins
	mu       sync.Mutex
	now      time.Time
	noActor  *gin.RouterGroup
	withUser *gin.RouterGroup
	// look sees what POST /looked-at was asked.
	look func(*http.Request)
}

type housing struct {
	trusted []netip.Prefix
	origins []string
	limit   int64
}

func build(t testing.TB, o housing) *house {
	t.Helper()
	h := &house{Engine: gin.New(), log: &lines{}, metrics: prometheus.NewRegistry(), now: noon}
	var err error
	log := slog.New(slog.NewTextHandler(h.log, nil))
	h.tokens, err = middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{testKey}, TTL: 10 * time.Minute, Now: h.clock, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	h.origins = middleware.NewOrigins(o.origins)
	if o.limit == 0 {
		o.limit = 128 << 10
	}
	h.HandleMethodNotAllowed = true
	h.RedirectTrailingSlash = false
	h.Use(
		middleware.Forwarded(o.trusted),
		middleware.RequestID(),
		middleware.AccessLog(h.log, h.metrics),
		middleware.Problems(),
		middleware.Recovery(log),
		h.origins.CORS(),
		middleware.NoTokenInURL(),
		middleware.LimitBody(o.limit),
	)
	h.NoRoute(func(c *gin.Context) { middleware.WriteProblem(c, middleware.ErrNoRoute) })
	h.NoMethod(func(c *gin.Context) { middleware.WriteProblem(c, middleware.ErrMethodNotAllowed) })
	h.noActor = h.Group("")
	h.noActor.POST("/looked-at", func(c *gin.Context) { h.look(c.Request) })
	h.withUser = h.Group("", h.tokens.Authenticate(), h.origins.Guard())
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) sign(t testing.TB, username, session string) string {
	t.Helper()
	token, _, err := h.tokens.Sign(username, session)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask sends one request; head are pairs of header name and value, and the name
// "Host" sets the host.
func (h *house) ask(method, target string, body io.Reader, head ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(method, target, body, head...))
	return w
}

func request(method, target string, body io.Reader, head ...string) *http.Request {
	r := httptest.NewRequest(method, target, body)
	for i := 0; i < len(head); i += 2 {
		if head[i] == "Host" {
			r.Host = head[i+1]
			continue
		}
		r.Header.Add(head[i], head[i+1])
	}
	return r
}

// lines keeps what was logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wantProblem checks an answer's status, type and code, and gives its document.
func wantProblem(t testing.TB, w *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("%d %q is no document: %v", w.Code, w.Body, err)
	}
	if w.Code != status || doc["code"] != code || doc["status"] != float64(status) || doc["type"] != "/problems/"+code {
		t.Errorf("answer %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
	return doc
}

func wantOK(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Errorf("answer %d %s, want 200", w.Code, w.Body)
	}
}

func ok(c *gin.Context) { c.Status(http.StatusOK) }

// wantNone fails the test if the text holds one of the words.
func wantNone(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			t.Errorf("%q is in:\n%s", word, text)
		}
	}
}

func newRecorder(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
