package handlers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"parley/stream"
)

// errorsInBand is the value of ?errors= by which a client asks to be told of a
// refusal on the stream itself, because a browser's EventSource shows no status
// and gives up on every one but 200.
const errorsInBand = "inband"

// inBand turns a problem into a stream of one event for clients that asked a
// stream's route so, where the framing has events to tell it by.
func inBand(c *gin.Context) {
	if !strings.HasSuffix(c.FullPath(), "/stream") || c.Query("errors") != errorsInBand {
		return
	}
	framing, ok := negotiate(c.Request.Header, inFrames)
	if !ok {
		framing = typeEventStream // what nobody understands is told to a browser
	}
	if framing == typeEventStream || framing == typeNDJSON {
		c.Writer = &inBandWriter{ResponseWriter: c.Writer, framing: framing}
	}
}

// inBandWriter lets everything through but an answer whose status is an error:
// that it writes as a stream with one problem event.
type inBandWriter struct {
	gin.ResponseWriter
	framing string
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

// problemRetry makes a browser wait longer than after a broken line, because what was
// refused a moment ago will be refused again, and not all of them equally long.
func problemRetry() time.Duration { return 10*time.Second + rand.N(10*time.Second) }

func (w *inBandWriter) Write(p []byte) (int, error) {
	if w.refused == 0 {
		return w.ResponseWriter.Write(p)
	}
	header := w.Header()
	for _, name := range []string{"Content-Length", "WWW-Authenticate", "Retry-After"} {
		header.Del(name)
	}
	stream.SetHeader(header, w.framing)
	problem := bytes.TrimSpace(p)
	var err error
	if w.framing == typeNDJSON {
		_, err = fmt.Fprintf(w.ResponseWriter, `{"event":"problem","data":%s}`+"\n", problem)
	} else {
		_, err = fmt.Fprintf(w.ResponseWriter, "retry: %d\nevent: problem\ndata: %s\n\n", problemRetry().Milliseconds(), problem)
	}
	return len(p), err
}

func (w *inBandWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Unwrap lets a stream reach the connection's deadlines and its flush.
func (w *inBandWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
