package stream

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// block is what a client of server-sent events makes of one block.
type block struct {
	name, data, id string
	hasData        bool
}

// parse reads a stream strictly by WHATWG HTML section 9.2.6, refusing whatever
// parley has no reason to send: what is left unfinished at the end is dropped.
func parse(t testing.TB, wire string) []block {
	t.Helper()
	var blocks []block
	var cur block
	for {
		line, rest, whole := strings.Cut(wire, "\n")
		if !whole {
			return blocks
		}
		wire = rest
		if strings.ContainsAny(line, "\r\x00") {
			t.Errorf("a line holds CR or NUL: %q", line)
		}
		if line == "" {
			blocks = append(blocks, cur)
			cur = block{}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			cur.name = value
		case "data":
			if cur.hasData {
				t.Errorf("two data lines in one block")
			}
			cur.data, cur.hasData = value, true
		case "id":
			cur.id = value
		case "retry":
			if _, err := strconv.Atoi(value); err != nil {
				t.Errorf("retry: %v", err)
			}
		default:
			t.Errorf("an unknown line: %q", line)
		}
	}
}

// client is a response that a stream writes to, and what it made of it.
type client struct {
	t      testing.TB
	cancel context.CancelFunc
	header http.Header

	mu     sync.Mutex
	wire   strings.Builder
	status int
	// full makes writes fail as a socket does that takes nothing.
	full bool

	done chan struct{}
	// err is what Serve returned, aborted that it broke the connection off; both
	// are there when done is closed.
	err     error
	aborted bool
}

func (c *client) Header() http.Header { return c.header }

func (c *client) WriteHeader(status int) { c.status = status }

func (c *client) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full {
		return 0, errFull
	}
	return c.wire.Write(b)
}

func (c *client) FlushError() error                { return nil }
func (c *client) SetWriteDeadline(time.Time) error { return nil }

func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wire.String()
}

func (c *client) blocks() []block { return parse(c.t, c.text()) }

// names are the events dispatched so far, with the text where it is a message.
func (c *client) names() string {
	var names []string
	for _, b := range c.blocks() {
		switch {
		case !b.hasData:
		case b.name == "":
			names = append(names, textOf(b))
		default:
			names = append(names, b.name)
		}
	}
	return strings.Join(names, " ")
}

// textOf is the text of a message's block.
func textOf(b block) string {
	_, text, _ := strings.Cut(b.data, `"text":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// held is the id that the client holds.
func (c *client) held() string {
	id := ""
	for _, b := range c.blocks() {
		if b.id != "" {
			id = b.id
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
	log    *memLog
	broker *Broker
}

// inHouse runs a test in simulated time; the broker is closed at its end.
func inHouse(t *testing.T, o Options, test func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, log: newMemLog()}
		h.commit(joins("lobby", "ann"), joins("lobby", "bob"))
		h.broker = New(h.log, o)
		if err := h.broker.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer h.broker.Close()
		test(h)
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
	c := &client{t: h.t, cancel: cancel, header: http.Header{}, done: make(chan struct{})}
	r := httptest.NewRequest("GET", "/stream", nil).WithContext(ctx)
	go func() {
		defer close(c.done)
		defer func() {
			if p := recover(); p != nil {
				err, _ := p.(error)
				c.aborted = errors.Is(err, http.ErrAbortHandler)
				if !c.aborted {
					panic(p)
				}
			}
		}()
		c.err = h.broker.Serve(c, r, s)
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
