package middleware

import (
	"io"
	"net/http"
	"strconv"
	"sync"
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
// log takes each line whole, by one Write, as slog's text handler would have
// written it. Its errors are ignored.
//
// It counts all of them in parley_http_requests_total{method,route,status}. reg
// may be nil.
func AccessLog(log io.Writer, reg prometheus.Registerer) gin.HandlerFunc {
	requests := newRequestCounters(reg)
	lines := sync.Pool{New: func() any { return new([]byte) }}
	return func(c *gin.Context) {
		start := time.Now()
		// Deferred, because a handler breaks an answer off by a panic
		// (http.ErrAbortHandler).
		defer func() {
			a := answered{methodOf(c.Request), routeOf(c), c.Writer.Status()}
			requests.of(a).Inc()
			if isStream(c) {
				return
			}
			line := lines.Get().(*[]byte)
			*line = appendAccess((*line)[:0], c, a, start, time.Now())
			_, _ = log.Write(*line)
			lines.Put(line)
		}()
		c.Next()
	}
}

// answered is what the requests are counted by.
type answered struct {
	method, route string
	status        int
}

// appendAccess appends the line of a request that was answered now.
func appendAccess(line []byte, c *gin.Context, a answered, start, now time.Time) []byte {
	level := "INFO"
	last := c.Errors.Last()
	failed := last != nil && a.status >= http.StatusInternalServerError
	switch {
	case failed && a.status == http.StatusInternalServerError:
		level = "ERROR"
	case failed:
		level = "WARN"
	}
	line = now.AppendFormat(append(line, "time="...), logTime)
	line = append(append(line, " level="...), level...)
	line = append(line, " msg=request request_id="...)
	line = appendLogText(line, RequestIDOf(c))
	line = append(append(line, " method="...), a.method...)
	line = appendLogText(append(line, " route="...), a.route)
	line = strconv.AppendInt(append(line, " status="...), int64(a.status), 10)
	line = strconv.AppendInt(append(line, " bytes="...), int64(max(c.Writer.Size(), 0)), 10)
	line = append(append(line, " duration="...), now.Sub(start).String()...)
	if failed {
		line = appendLogText(append(line, " error="...), last.Error())
	}
	return append(line, '\n')
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

const ownLineKey = "parley/own-line"

// LeaveLineToStream leaves the request's line to the stream that it opens, which
// writes one at its end. A stream that is refused is no stream.
func LeaveLineToStream(c *gin.Context) { c.Set(ownLineKey, true) }

// isStream says that the answer is a stream's.
func isStream(c *gin.Context) bool {
	return c.Writer.Status() == http.StatusOK && c.GetBool(ownLineKey)
}
