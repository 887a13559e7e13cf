package middleware

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// slogLine is the line that slog's text handler writes of a request.
func slogLine(t *testing.T, level slog.Level, now time.Time, attrs ...slog.Attr) string {
	t.Helper()
	var b bytes.Buffer
	record := slog.NewRecord(now, level, "request", 0)
	record.AddAttrs(attrs...)
	if err := slog.NewTextHandler(&b, nil).Handle(context.Background(), record); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnAccessLineIsWhatSlogWrites(t *testing.T) {
	west := time.FixedZone("west", -9*3600-1800)
	for _, row := range []struct {
		id, method, route string
		status            int
		body              string
		took              time.Duration
		failure           error
		level             slog.Level
	}{
		{"a-1", "GET", "/chats/:chat", 200, "hello", 1234567, nil, slog.LevelInfo},
		{"", "other", "none", 404, "", 0, nil, slog.LevelInfo},
		{"a-2", "POST", "/messages", 400, "x", time.Hour, errors.New("not told"), slog.LevelInfo},
		{"a-3", "POST", "/messages", 500, "", time.Second, errors.New("word"), slog.LevelError},
		{"a-4", "POST", "/messages", 503, "", time.Nanosecond, errors.New("two words"), slog.LevelWarn},
		{"a-5", "POST", "/messages", 503, "", 1, errors.New(""), slog.LevelWarn},
		{"a-6", "POST", "/messages", 500, "", 1, errors.New("a=b \"c\" \\ \n time=forged \x00 \x1b[0m \xff"), slog.LevelError},
		{"a-7", "POST", "/messages", 500, "", 1, errors.New(`c:\path`), slog.LevelError},
		{"a-8", "POST", "/messages", 500, "", 1, errors.New("grün"), slog.LevelError},
		{"a-9", "POST", "/messages", 500, "", 1, errors.New("thin\u2009space"), slog.LevelError},
		{"a-10", "POST", "/messages", 500, "", 1, errors.New("\u202eturned"), slog.LevelError},
		{"a-11", "POST", "/messages", 500, "", 1, errors.New("\xffbroken"), slog.LevelError},
	} {
		for _, now := range []time.Time{time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 999999999, west)} {
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Set(requestIDKey, row.id)
			c.Writer.WriteHeader(row.status)
			_, _ = io.WriteString(c.Writer, row.body)
			if row.failure != nil {
				_ = c.Error(row.failure)
			}
			got := string(appendAccess(nil, c, answered{row.method, row.route, row.status}, now.Add(-row.took), now))
			attrs := []slog.Attr{
				slog.String("request_id", row.id), slog.String("method", row.method), slog.String("route", row.route),
				slog.Int("status", row.status), slog.Int("bytes", len(row.body)), slog.Duration("duration", row.took),
			}
			if row.level != slog.LevelInfo {
				attrs = append(attrs, slog.String("error", row.failure.Error()))
			}
			if want := slogLine(t, row.level, now, attrs...); got != want {
				t.Errorf("wrote %s, slog %s", got, want)
			}
		}
	}
}

// BenchmarkChain is a request through a router, without and with its line in the log.
func BenchmarkChain(b *testing.B) {
	for name, use := range map[string][]gin.HandlerFunc{
		"bare":      {RequestID()},
		"accesslog": {RequestID(), AccessLog(io.Discard, prometheus.NewRegistry())},
	} {
		b.Run(name, func(b *testing.B) {
			gin.SetMode(gin.ReleaseMode)
			e := gin.New()
			e.Use(use...)
			e.POST("/chats/:chat/messages", func(c *gin.Context) { c.Writer.WriteHeader(http.StatusCreated) })
			r := httptest.NewRequest(http.MethodPost, "/chats/lobby/messages", nil)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				e.ServeHTTP(w, r)
			}
		})
	}
}
