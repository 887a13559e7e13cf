package handlers

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// errorsInBand is the value of ?errors= by which a client asks to be told of a
// refusal on the stream itself, because a browser's EventSource shows no status
// and gives up on every one but 200.
const errorsInBand = "inband"

// inBand turns a problem into a stream of one event for clients that asked a
// stream's route so.
func inBand(c *gin.Context) {
	if strings.HasSuffix(c.FullPath(), "/stream") && c.Query("errors") == errorsInBand {
		c.Writer = &inBandWriter{ResponseWriter: c.Writer}
	}
}

// inBandWriter lets everything through but an answer whose status is an error:
// that it writes as a stream with one problem event.
type inBandWriter struct {
	gin.ResponseWriter
	// refused is the status of the problem; 0 where there is none.
	refused int
}

func (w *inBandWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused, status = status, http.StatusOK
	}
	w.ResponseWriter.WriteHeader(status)
}

// Status is what the log and the metrics shall show: what happened, not how it
// was put.
func (w *inBandWriter) Status() int {
	if w.refused != 0 {
		return w.refused
	}
	return w.ResponseWriter.Status()
}

// problemRetry makes a browser wait longer than after a broken line: what was
// refused a moment ago will be refused again.
const problemRetry = "retry: 15000\n"

func (w *inBandWriter) Write(p []byte) (int, error) {
	if w.refused == 0 {
		return w.ResponseWriter.Write(p)
	}
	header := w.Header()
	for _, name := range []string{"Content-Length", "WWW-Authenticate", "Retry-After"} {
		header.Del(name)
	}
	header.Set("Content-Type", typeEventStream)
	header.Set("Cache-Control", "no-store")
	frame := problemRetry + "event: problem\ndata: " + string(bytes.TrimSpace(p)) + "\n\n"
	_, err := w.ResponseWriter.WriteString(frame)
	return len(p), err
}

func (w *inBandWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Unwrap lets a stream reach the connection's deadlines and its flush.
func (w *inBandWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
