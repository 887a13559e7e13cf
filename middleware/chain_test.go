package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parley/middleware"
)

func TestARequestKeepsItsIDOrGetsOne(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/x", func(c *gin.Context) { c.String(http.StatusOK, middleware.RequestIDOf(c)) })
	for _, id := range []string{"a", "Abc-1._", strings.Repeat("a", 64)} {
		w := h.ask("GET", "/x", nil, "X-Request-Id", id)
		if w.Body.String() != id || w.Header().Get("X-Request-Id") != id {
			t.Errorf("%q became %q", id, w.Body)
		}
	}
	seen := map[string]bool{}
	for _, head := range [][]string{
		nil, {"X-Request-Id", ""}, {"X-Request-Id", strings.Repeat("a", 65)}, {"X-Request-Id", "a b"},
		{"X-Request-Id", "a\nlevel=ERROR"}, {"X-Request-Id", "ä"}, {"X-Request-Id", "a", "X-Request-Id", "b"},
	} {
		w := h.ask("GET", "/x", nil, head...)
		id := w.Body.String()
		if len(id) < 20 || seen[id] || w.Header().Get("X-Request-Id") != id {
			t.Errorf("%q: got the id %q", head, id)
		}
		seen[id] = true
	}
	if doc := wantProblem(t, h.ask("GET", "/nowhere", nil, "X-Request-Id", "mine"), 404, "not_found"); doc["request_id"] != "mine" {
		t.Errorf("request_id %v", doc["request_id"])
	}
}

func TestALineNamesTheRouteAndNothingThatTheClientWrote(t *testing.T) {
	h := build(t, housing{})
	h.withUser.POST("/chats/:chat/messages", func(c *gin.Context) {
		_, _ = io.Copy(io.Discard, c.Request.Body)
		c.String(http.StatusCreated, "answer-text")
	})
	token := h.sign(t, "ann", "s1")
	h.ask("POST", "/chats/path-value/messages?q=query-value", strings.NewReader("body-text"),
		"Authorization", "Bearer "+token, "Cookie", "parley_refresh=cookie-value", "User-Agent", "agent-value", "X-Request-Id", "req-1")
	h.ask("POST", "/nowhere/path-value?token=query-value", nil, "Authorization", "Bearer "+token)
	h.ask("SECRETS", "/nowhere/path-value", nil)
	line := h.log.String()
	for _, want := range []string{"request_id=req-1", "method=POST", "route=/chats/:chat/messages", "status=201", "bytes=11", "duration=", "route=none", "method=other"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in:\n%s", want, line)
		}
	}
	wantNone(t, line, token, "path-value", "query-value", "body-text", "answer-text", "cookie-value", "agent-value", "SECRETS")
	if n := strings.Count(line, "msg=request"); n != 3 {
		t.Errorf("%d lines for 3 requests", n)
	}
}

func TestRequestsAreCountedByPatternAndNobodyCanAddNames(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/chats/:chat", ok)
	for i := range 20 {
		h.ask("GET", fmt.Sprintf("/chats/c%d", i), nil)
		h.ask("GET", fmt.Sprintf("/nowhere/c%d", i), nil)
		h.ask(fmt.Sprintf("M%d", i), "/chats", nil)
	}
	want := `
# HELP parley_http_requests_total Requests answered, by method, pattern of the route, and status.
# TYPE parley_http_requests_total counter
parley_http_requests_total{method="GET",route="/chats/:chat",status="200"} 20
parley_http_requests_total{method="GET",route="none",status="404"} 20
parley_http_requests_total{method="other",route="none",status="404"} 20
`
	if err := testutil.GatherAndCompare(h.metrics, strings.NewReader(want), "parley_http_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestAStreamHasNoAccessLineButIsCounted(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/stream", func(c *gin.Context) {
		middleware.LeaveLineToStream(c)
		c.String(http.StatusOK, "retry: 1\n\n")
	})
	h.noActor.GET("/refused", func(c *gin.Context) {
		middleware.LeaveLineToStream(c)
		_ = c.Error(middleware.ErrForeignOrigin)
	})
	h.ask("GET", "/stream", nil)
	h.ask("GET", "/refused", nil)
	wantNone(t, h.log.String(), "route=/stream")
	if !strings.Contains(h.log.String(), "route=/refused") {
		t.Error("a refused stream has no line")
	}
	if n := testutil.CollectAndCount(h.metrics); n != 2 {
		t.Errorf("%d series", n)
	}
}

func TestAPanicIsInternalAndItsLineHasTheStackAndNoHeader(t *testing.T) {
	h := build(t, housing{})
	h.withUser.GET("/x", func(*gin.Context) { panic("the floor is gone") })
	token := h.sign(t, "ann", "s1")
	w := h.ask("GET", "/x", nil, "Authorization", "Bearer "+token, "Cookie", "parley_refresh=cookie-value")
	wantProblem(t, w, 500, "internal")
	wantNone(t, w.Body.String(), "floor", "goroutine")
	line := h.log.String()
	for _, want := range []string{"the floor is gone", "chain_test.go", "route=/x", "status=500"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in:\n%s", want, line)
		}
	}
	wantNone(t, line, token, "cookie-value")
}

func TestAnAnswerThatPanicsOnItsWayIsBrokenOff(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/panics", func(c *gin.Context) {
		c.String(http.StatusOK, "half")
		panic("the floor is gone")
	})
	h.noActor.GET("/aborts", func(c *gin.Context) {
		c.String(http.StatusOK, "half")
		panic(http.ErrAbortHandler)
	})
	srv := httptest.NewUnstartedServer(h)
	var serverLog lines
	srv.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&serverLog, nil), slog.LevelError)
	srv.Start()
	defer srv.Close()
	for _, path := range []string{"/panics", "/aborts"} {
		resp, err := http.Get(srv.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client took the half for the whole", path)
		}
	}
	srv.Close()
	if n := strings.Count(h.log.String(), "msg=panic"); n != 1 {
		t.Errorf("%d panics in the log, want the one that was not meant:\n%s", n, h.log)
	}
	for _, route := range []string{"route=/panics", "route=/aborts"} {
		if !strings.Contains(h.log.String(), route) {
			t.Errorf("no access line for %s", route)
		}
	}
	wantNone(t, serverLog.String(), "panic")
}

func TestABodyBeyondTheLimitIsTooLargeHoweverItComes(t *testing.T) {
	h := build(t, housing{limit: 10})
	reached := false
	h.noActor.POST("/x", func(c *gin.Context) {
		reached = true
		b, err := io.ReadAll(c.Request.Body)
		if err != nil {
			_ = c.Error(fmt.Errorf("reading: %w", err))
			return
		}
		c.String(http.StatusOK, "%s", b)
	})
	if w := h.ask("POST", "/x", strings.NewReader("0123456789")); w.Body.String() != "0123456789" {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
	reached = false
	wantProblem(t, h.ask("POST", "/x", strings.NewReader("0123456789a")), 413, "too_large")
	if reached {
		t.Error("a body that says that it is too large was asked for")
	}
	// Of this reader the length is not known before.
	wantProblem(t, h.ask("POST", "/x", io.MultiReader(strings.NewReader("0123456789a"))), 413, "too_large")
	wantOK(t, h.ask("POST", "/x", nil))
}

func TestABodyThatBreaksOffIsTheClientsFault(t *testing.T) {
	h := build(t, housing{})
	got := make(chan error, 1)
	h.noActor.POST("/x", func(c *gin.Context) {
		_, err := io.ReadAll(c.Request.Body)
		got <- err
		_ = c.Error(err)
	})
	w := h.ask("POST", "/x", iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(make([]byte, 9)))))
	wantProblem(t, w, 400, "broken_body")
	<-got

	srv := httptest.NewServer(h)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
	conn.Close()
	if err := <-got; !errors.Is(err, middleware.ErrBrokenBody) {
		t.Errorf("read: %v", err)
	}
}
