package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"parley/e2e/chaos/history"
)

// Kind is a kind of follower.
type Kind string

// The kinds: server-sent events of all chats and of one, lines of JSON, the Go client, which
// stands on r3labs/sse, and one that reads slowly.
const (
	All    Kind = "all"
	Chat   Kind = "chat"
	Lines  Kind = "lines"
	Client Kind = "client"
	Slow   Kind = "slow"
	// Bare is r3labs/sse without the Go client, for one chat.
	Bare Kind = "bare r3labs/sse"
)

// kinds are all of them, in the order in which they are numbered.
var kinds = []Kind{All, Chat, Lines, Client, Slow}

// follower is one reader, over all its connections.
type follower struct {
	world *World
	kind  Kind
	name  string
	user  *user
	chat  string // empty for all chats
	bases []string
	// stays says that it does not reconnect before the service ends the stream.
	stays bool
	// reached is called once the follower has come to until.
	until   int64
	reached func()

	mu     sync.Mutex
	cursor int64
	// open says that a connection is; status is of the last answer that was none.
	open   bool
	status int
}

func (w *World) newFollower(kind Kind, name string, u *user, chat string) *follower {
	if kind == All || kind == Slow {
		chat = ""
	}
	return &follower{world: w, kind: kind, name: name, user: u, chat: chat, bases: w.bases}
}

// follow begins the n-th follower. Those of a client that hides its reconnects, and those of
// lines, which are told no place, are of users who stay.
func (w *World) follow(ctx context.Context, kind Kind, n int) {
	r := w.rand(1000 + n)
	u, chat := w.users[r.IntN(len(w.users))], w.chats[r.IntN(len(w.chats))]
	switch {
	case kind == Client, kind == Lines:
		u = w.users[r.IntN(staying)]
	case kind == Chat && n%2 == 0:
		u = w.users[staying+r.IntN(coming)]
	}
	f := w.newFollower(kind, fmt.Sprintf("%s-%d", kind, n), u, chat)
	if kind == Client && n%2 == 0 {
		f.chat = ""
	}
	if n%4 == 3 && kind != Client && kind != Lines {
		f.cursor = history.Now
	}
	w.mu.Lock()
	w.followers = append(w.followers, f)
	w.mu.Unlock()
	if kind == Client {
		f.bases = []string{w.base(r)}
		c := f.signIn(ctx) // before anything breaks, so that the session is not lost with a database
		w.following.Go(func() { f.runClient(ctx, c) })
		return
	}
	w.following.Go(func() { f.run(ctx, r) })
}

// run makes one connection after another until ctx, or the session, ends.
func (f *follower) run(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		status := f.connect(ctx, r)
		if status == http.StatusUnauthorized && (f.stays || !f.world.Skewed) {
			return
		}
		wait := time.Duration(r.IntN(30)) * time.Millisecond
		if status != http.StatusOK {
			wait += 50 * time.Millisecond
		}
		pause(ctx, wait)
	}
}

// connect opens the stream once, reads it to its end and records that.
func (f *follower) connect(ctx context.Context, r *rand.Rand) (status int) {
	w := f.world
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	conn := history.Conn{
		Reader: f.name, User: f.user.name, Session: f.user.session, Chat: f.chat, Cursor: f.cursor,
		Known: w.Record.Known(), Start: w.Record.Since(),
	}
	resp, err := f.request(life, one(r, f.bases))
	if err != nil {
		return f.ended(0)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return f.ended(resp.StatusCode)
	}
	f.begun()
	if w.Life > 0 && !f.stays {
		time.AfterFunc(time.Duration(r.Int64N(int64(w.Life))), func() {
			if !w.calm.Load() {
				cancel()
			}
		})
	}
	f.read(life, resp.Body, &conn)
	conn.End = w.Record.Since()
	// Whoever was connected when the followers were sent away has had the time to see all.
	conn.Whole = ctx.Err() != nil && w.calm.Load() && len(w.final) == len(w.chats)
	w.Record.Conn(conn)
	f.ended(http.StatusOK)
	return http.StatusOK
}

func (f *follower) request(ctx context.Context, base string) (*http.Response, error) {
	path := "/stream"
	if f.chat != "" {
		path = "/chats/" + f.chat + "/stream"
	}
	req, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+f.user.token)
	if f.kind == Lines {
		req.Header.Set("Accept", "application/x-ndjson")
	}
	if f.cursor != history.Now {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(f.cursor, 10))
	}
	answer := http.Client{Transport: f.world.streams}
	if f.kind == Slow {
		answer.Transport = f.world.narrow
	}
	// Only the answer's head is waited for so long; a stream has no end.
	late, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(5*time.Second, cancel)
	resp, err := answer.Do(req.WithContext(late))
	timer.Stop()
	if err != nil {
		cancel()
	}
	return resp, err
}

func (f *follower) begun() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.status = true, 0
}

func (f *follower) ended(status int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.status = false, status
	return status
}

// at notes the place that a frame has brought the follower to.
func (f *follower) at(pos int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = pos
	if f.reached != nil && pos >= f.until {
		f.reached()
	}
}

// late says why the follower has not come to the end; nil if it has, or has no right to.
func (f *follower) late(final map[string]int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	due := final[f.chat]
	if f.chat == "" {
		for _, pos := range final {
			due = max(due, pos)
		}
	}
	switch {
	case !f.open && (f.status == http.StatusNotFound || f.status == http.StatusForbidden):
		return nil
	case f.open && f.cursor >= due:
		return nil
	}
	return fmt.Errorf("%s stands at %d and should come to %d (open: %v, status %d)", f.name, f.cursor, due, f.open, f.status)
}
