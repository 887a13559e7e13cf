package handlers

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"parley/middleware"
)

// narrow gives each connection that is accepted little room for what is not read.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return conn, err
}

// serveNarrowly serves one handler at /, with a time for its answers.
func serveNarrowly(t *testing.T, within time.Duration, handle func(*gin.Context) error) (address string) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(bounded(within), middleware.Problems())
	engine.GET("/", step(handle))
	srv := httptest.NewUnstartedServer(engine)
	srv.Listener = narrow{srv.Listener}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// dialNarrowly connects with little room for what comes in.
func dialNarrowly(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	return conn
}

const patience = 30 * time.Second

func TestAClientThatNeverReadsIsGivenUp(t *testing.T) {
	long := strings.Repeat("a", 16<<20)
	for name, answer := range map[string]func(*gin.Context) error{
		"an answer":  func(c *gin.Context) error { return writeText(c, http.StatusOK, long) },
		"a document": func(c *gin.Context) error { return writeJSON(c, http.StatusOK, long) },
		"a file": func(c *gin.Context) error {
			http.ServeContent(c.Writer, c.Request, "a.txt", time.Time{}, strings.NewReader(long))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			returned := make(chan struct{})
			address := serveNarrowly(t, 50*time.Millisecond, func(c *gin.Context) error {
				defer close(returned)
				return answer(c)
			})
			if _, err := io.WriteString(dialNarrowly(t, address), "GET / HTTP/1.1\r\nHost: here\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			select {
			case <-returned:
			case <-time.After(patience):
				t.Error("it is still being written to")
			}
		})
	}
}

// The answers are so short that each waits in a buffer until its handler has
// returned.
func TestAClientThatAsksAndAsksAndNeverReadsIsGivenUp(t *testing.T) {
	address := serveNarrowly(t, 50*time.Millisecond, func(c *gin.Context) error { return middleware.ErrNoRoute })
	conn := dialNarrowly(t, address)
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: here\r\n\r\n")
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			t.Fatal("it is still being written to")
		case err != nil: // the server has hung up
			return
		}
	}
}

func TestEveryAnswerHasADeadlineAndATypeThatIsNotGuessedAt(t *testing.T) {
	door := New(Options{
		Origins: middleware.NewOrigins(nil), Tokens: &middleware.Tokens{},
		Log: slog.New(slog.DiscardHandler), AccessLog: io.Discard, Registerer: prometheus.NewRegistry(),
	})
	for _, path := range []string{"/", "/healthz", "/nowhere", "/me?token=abc"} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		door.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Header()["X-Content-Type-Options"]; len(got) != 1 || got[0] != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options: %q", path, got)
		}
		if left := time.Until(w.deadline); left <= 0 || left > answerWithin {
			t.Errorf("%s has %v left", path, left)
		}
	}
}

// deadlined keeps the deadline that it was given.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *deadlined) SetWriteDeadline(at time.Time) error {
	w.deadline = at
	return nil
}
