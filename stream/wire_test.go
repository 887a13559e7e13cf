package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
	"parley/e2e/sse"
)

// parse reads what was written of a stream so far.
func parse(t testing.TB, wire string) []sse.Block {
	t.Helper()
	var blocks []sse.Block
	for r := sse.NewReader(strings.NewReader(wire)); ; {
		b, err := r.Next()
		if err == io.EOF {
			return blocks
		}
		if err != nil {
			t.Errorf("%v in %q", err, wire)
			return blocks
		}
		blocks = append(blocks, b)
	}
}

// client is what a stream is written to, and what it made of it: on the portable
// path a response, on the fast path a socket.
type client struct {
	t      testing.TB
	header http.Header

	mu   sync.Mutex
	wire strings.Builder
	// taken says that the connection was taken over.
	taken bool
	// filled makes the socket take nothing, left says that the client has gone.
	filled, left bool
	// narrow says that the socket takes only room bytes more before it is full.
	narrow bool
	room   int
	// hangUp makes the client go.
	hangUp func()

	done chan struct{}
	// err is what Serve returned, aborted that it broke the connection off; both
	// are there when done is closed.
	err     error
	aborted bool
}

// cancel makes the client go.
func (c *client) cancel() {
	c.mu.Lock()
	c.left = true
	hangUp := c.hangUp
	c.mu.Unlock()
	hangUp()
}

// give makes the client's socket take n bytes more, and then be full.
func (c *client) give(n int) {
	c.mu.Lock()
	c.narrow, c.room = true, n
	hangUp := c.hangUp
	c.mu.Unlock()
	hangUp()
	synctest.Wait()
}

// fill makes the client's socket full.
func (c *client) fill(full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filled = full
}

func (c *client) Header() http.Header { return c.header }

func (c *client) WriteHeader(int) {}

func (c *client) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.filled {
		return 0, errFull
	}
	return c.wire.Write(b)
}

func (c *client) FlushError() error                { return nil }
func (c *client) SetWriteDeadline(time.Time) error { return nil }

func (c *client) hijack(http.ResponseWriter, bool) (socket, error) {
	c.taken = true
	return memSocket{c}, nil
}

// memSocket is the client as a socket in memory.
type memSocket struct{ *client }

func (s memSocket) register(l *eventLoop, rd *reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp = func() { l.wake(rd) }
	return nil
}

func (s memSocket) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled {
		return 0, nil
	}
	if s.narrow {
		b = b[:min(s.room, len(b))]
		s.room -= len(b)
	}
	return s.wire.Write(b)
}

func (s memSocket) chunked() bool { return true }

func (s memSocket) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filled || s.narrow && s.room == 0
}

func (s memSocket) lags() bool { return s.full() }

func (s memSocket) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func (s memSocket) close(why reason) {
	s.aborted = why.breaksOff()
	close(s.done)
}

// text is what was written of the stream so far.
func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.taken {
		return c.wire.String()
	}
	_, body, found := strings.Cut(c.wire.String(), "\r\n\r\n")
	if !found {
		c.t.Errorf("no head in %q", c.wire.String())
	}
	text, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
	if err != nil && err != io.ErrUnexpectedEOF {
		c.t.Errorf("%v in %q", err, body)
	}
	return string(text)
}

func (c *client) blocks() []sse.Block { return parse(c.t, c.text()) }

// names are the events dispatched so far, with the text where it is a message. Presence is
// left out, which comes with the streams of other users.
func (c *client) names() string {
	var names []string
	for _, b := range c.blocks() {
		switch {
		case !b.HasData, b.Name == "presence":
		case b.Name == "":
			names = append(names, b.Text())
		default:
			names = append(names, b.Name)
		}
	}
	return strings.Join(names, " ")
}

// held is the id that the client holds.
func (c *client) held() string {
	id := ""
	for _, b := range c.blocks() {
		if b.HasID {
			id = b.ID
		}
	}
	return id
}

func (c *client) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// house is a broker over a log in memory, inside a bubble of simulated time.
type house struct {
	t      testing.TB
	fast   bool
	log    *memLog
	broker *Broker
}

// inHouse runs a test in simulated time, on the portable path and on the fast one;
// the broker is closed at its end.
func inHouse(t *testing.T, o Options, test func(h *house)) {
	t.Helper()
	for name, fast := range map[string]bool{"portable": false, "fast": true} {
		t.Run(name, func(t *testing.T) { inBubble(t, fast, o, test) })
	}
}

// inBubble runs a test in simulated time on one of the paths.
func inBubble(t *testing.T, fast bool, o Options, test func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, fast: fast, log: newMemLog()}
		h.commit(joins("lobby", "ann"), joins("lobby", "bob"))
		h.broker = New(h.log, o)
		if err := h.broker.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer h.broker.Close()
		test(h)
		synctest.Wait()
		if n := h.broker.backlog.readers.Load(); n != 0 {
			t.Errorf("%d readers count as behind when all is done", n)
		}
	})
}

// commit appends to the log and tells the broker, as the writer does.
func (h *house) commit(events ...chat.Event) []chat.Event {
	committed := h.log.commit(events...)
	if h.broker != nil {
		h.broker.Committed(committed)
		synctest.Wait()
	}
	return committed
}

// ann is an actor whose token lives ten minutes.
func ann() chat.Actor { return actor("ann", "s-ann") }

func actor(username, session string) chat.Actor {
	now := time.Now()
	return chat.Actor{Username: username, Session: session, Issued: chat.NewTime(now), Expires: chat.NewTime(now.Add(10 * time.Minute))}
}

// open starts a stream and returns when it sleeps.
func (h *house) open(s Start) *client {
	if s.Actor.Username == "" {
		s.Actor = ann()
	}
	if _, ok := h.log.expiry[s.Actor.Session]; !ok {
		h.log.renew(s.Actor.Session, s.Actor.Expires.Time())
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{t: h.t, header: http.Header{}, hangUp: cancel, done: make(chan struct{})}
	r := httptest.NewRequest("GET", "/stream", nil)
	if h.fast {
		ctx = context.WithValue(ctx, connKey{}, hijacker(c))
	}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				err, _ := p.(error)
				c.aborted = errors.Is(err, http.ErrAbortHandler)
				if !c.aborted {
					panic(p)
				}
			}
			if !c.taken {
				close(c.done)
			}
		}()
		c.err = h.broker.Serve(c, r.WithContext(ctx), &s)
	}()
	synctest.Wait()
	return c
}

// sleep lets simulated time pass.
func (h *house) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func expect(t testing.TB, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}
