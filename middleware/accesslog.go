package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// AccessLog writes one line for each request when it has been answered: its id,
// method, route, status, bytes and duration, and for a failure of the service's
// own the error's text. The route is the pattern ("/chats/:chat"), never the
// path, and there is no query: neither names nor tokens stand in the log. A
// stream writes its own line when it ends, and has none here.
//
// It counts all of them in parley_http_requests_total{method,route,status}. reg
// may be nil.
func AccessLog(log *slog.Logger, reg prometheus.Registerer) gin.HandlerFunc {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_http_requests_total",
		Help: "Requests answered, by method, pattern of the route, and status.",
	}, []string{"method", "route", "status"})
	if reg != nil {
		reg.MustRegister(requests)
	}
	return func(c *gin.Context) {
		start := time.Now()
		// Deferred, because a handler breaks an answer off by a panic
		// (http.ErrAbortHandler).
		defer func() {
			status := c.Writer.Status()
			method, route := methodOf(c.Request), routeOf(c)
			requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
			if isStream(c) {
				return
			}
			attrs := []slog.Attr{
				slog.String("request_id", RequestIDOf(c)),
				slog.String("method", method),
				slog.String("route", route),
				slog.Int("status", status),
				slog.Int("bytes", max(c.Writer.Size(), 0)),
				slog.Duration("duration", time.Since(start)),
			}
			level := slog.LevelInfo
			if last := c.Errors.Last(); last != nil && status >= http.StatusInternalServerError {
				attrs = append(attrs, slog.String("error", last.Error()))
				level = slog.LevelWarn
				if status == http.StatusInternalServerError {
					level = slog.LevelError
				}
			}
			log.LogAttrs(context.WithoutCancel(c.Request.Context()), level, "request", attrs...)
		}()
		c.Next()
	}
}

// routeOf is the pattern of the request's route. Paths that lead nowhere are all
// one, or anybody could fill the metrics with names of his own.
func routeOf(c *gin.Context) string {
	if route := c.FullPath(); route != "" {
		return route
	}
	return "none"
}

// methodOf bounds what a client can write into the log and the metrics.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return r.Method
	}
	return "other"
}

// isStream says that the answer is a stream's, told by a header that only streams
// have.
func isStream(c *gin.Context) bool {
	return c.Writer.Status() == http.StatusOK && c.Writer.Header().Get("X-Accel-Buffering") != ""
}
