package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/leak"
	"parley/server"
)

// program is the real service on SQLite, behind a line that can be made bad. It
// can be stopped and started without its address changing.
type program struct {
	t        *testing.T
	settings server.Settings
	line     net.Listener
	// bad lets the line break each connection after a few thousand bytes.
	bad atomic.Bool

	at     atomic.Pointer[net.TCPAddr]
	stop   context.CancelFunc
	served chan error
}

func startProgram(t *testing.T, s server.Settings) *program {
	t.Helper()
	t.Cleanup(func() { leak.None(t) })
	s.Listen, s.Data = "127.0.0.1:0", t.TempDir()
	// Every test runs on either path.
	s.Streams = os.Getenv("PARLEY_STREAMS")
	line, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, settings: s, line: line}
	p.start()
	var relaying sync.WaitGroup
	relaying.Go(func() {
		for {
			conn, err := line.Accept()
			if err != nil {
				return
			}
			relaying.Go(func() { p.relay(conn) })
		}
	})
	t.Cleanup(func() {
		line.Close()
		p.drain()
		relaying.Wait()
	})
	return p
}

func (p *program) start() {
	p.t.Helper()
	srv, err := server.Open(p.t.Context(), p.settings, io.Discard)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop, p.served = stop, make(chan error, 1)
	p.at.Store(srv.Addr().(*net.TCPAddr))
	go func() { p.served <- srv.Serve(ctx) }()
}

func (p *program) drain() {
	p.t.Helper()
	p.stop()
	if err := <-p.served; err != nil {
		p.t.Errorf("serving: %v", err)
	}
}

func (p *program) restart() { p.drain(); p.start() }

// relay carries one connection, and breaks it in the middle of an answer where
// the line is bad.
func (p *program) relay(down net.Conn) {
	defer down.Close()
	up, err := net.Dial("tcp", p.at.Load().String())
	if err != nil {
		return
	}
	defer up.Close()
	var sending sync.WaitGroup
	sending.Go(func() {
		io.Copy(up, down)
		up.Close()
	})
	if p.bad.Load() {
		io.CopyN(down, up, rand.Int64N(6000))
	} else {
		io.Copy(down, up)
	}
	down.Close()
	up.Close()
	sending.Wait()
}

// user signs up, logs in, and gives a client that hardly pauses.
func (p *program) user(username string) *Client {
	p.t.Helper()
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	c := New("http://"+p.line.Addr().String(), WithHTTPClient(&http.Client{Transport: transport}))
	c.pause = func(ctx context.Context, d time.Duration) error { return pause(ctx, min(d, 20*time.Millisecond)) }
	ctx := testContext(p.t)
	if _, err := c.SignUp(ctx, username, "correct-horse", ""); err != nil {
		p.t.Fatal(err)
	}
	if u, err := c.LogIn(ctx, username, "correct-horse"); err != nil || u.Username != username {
		p.t.Fatalf("%+v, %v", u, err)
	}
	return c
}

func TestEveryMessageComesOnceOverABadLineAndRestarts(t *testing.T) {
	p := startProgram(t, server.Settings{Ping: "200ms", Rotate: "700ms", AccessTTL: "4s"})
	ann, bob := p.user("ann"), p.user("bob")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if _, err := ann.CreateChat(ctx, chat.NewChat{ID: "lobby", Visibility: chat.Public}); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.PutMember(ctx, "lobby", "bob", ""); err != nil {
		t.Fatal(err)
	}
	p.bad.Store(true)

	const posters, each = 4, 120 // which takes longer than an access token lives
	var posted atomic.Int64
	var posting, following sync.WaitGroup
	for i := range posters {
		c := []*Client{ann, bob}[i%2]
		posting.Go(func() {
			for j := range each {
				if _, err := c.Post(ctx, chat.Post{Chat: "lobby", Text: fmt.Sprintf("%d/%d", i, j)}); err != nil {
					t.Errorf("post %d/%d: %v", i, j, err)
					return
				}
				posted.Add(1)
			}
		})
	}
	followed := make([][]chat.Message, 4)
	for i := range followed {
		who, events := "bob in the lobby", bob.Follow(ctx, "lobby", Earliest)
		if i%2 == 1 {
			who, events = "ann everywhere", ann.FollowAll(ctx, Earliest)
		}
		following.Go(func() {
			var last int64
			for ev, err := range events {
				switch {
				case err != nil:
					t.Errorf("%s: %v", who, err)
					return
				case ev.Durable() && ev.ID <= last:
					t.Errorf("%s: event %d behind %d", who, ev.ID, last)
				case ev.Durable():
					last = ev.ID
				}
				if ev.Name == Reset {
					t.Errorf("%s: reset: %s", who, ev.Reason)
				}
				if ev.Message != nil {
					followed[i] = append(followed[i], *ev.Message)
				}
				if len(followed[i]) == posters*each {
					return
				}
			}
		})
	}
	for _, n := range []int64{posters * each / 4, posters * each / 2} {
		for posted.Load() < n && !t.Failed() {
			if pause(ctx, 5*time.Millisecond) != nil {
				break
			}
		}
		p.restart()
	}
	posting.Wait()
	following.Wait()
	p.bad.Store(false)
	ann.http.CloseIdleConnections() // they are still those of the bad line

	var stored []chat.Message
	texts := map[string]int{}
	for m, err := range ann.Messages(ctx, "lobby", 0) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, m)
		texts[m.Text]++
	}
	if len(stored) != posters*each || len(texts) != posters*each {
		t.Fatalf("%d messages with %d texts are stored, want %d", len(stored), len(texts), posters*each)
	}
	for i, got := range followed {
		if fmt.Sprint(got) != fmt.Sprint(stored) {
			t.Errorf("follower %d was given %d messages, which are not those stored", i, len(got))
		}
	}
}

func TestTheProgramRenewsAStreamInPlace(t *testing.T) {
	p := startProgram(t, server.Settings{AccessTTL: "6s"})
	ann := p.user("ann")
	ann.pause = pause
	var opened atomic.Int64
	ann.http.Transport = counting{ann.http.Transport, &opened}
	ctx, cancel := context.WithCancel(testContext(t))
	if _, err := ann.CreateChat(ctx, chat.NewChat{ID: "lobby"}); err != nil {
		t.Fatal(err)
	}
	var posting sync.WaitGroup
	defer posting.Wait()
	defer cancel()
	begun := ann.current().generation
	posting.Go(func() {
		for ann.current().generation < begun+2 {
			if pause(ctx, 5*time.Millisecond) != nil {
				return
			}
		}
		if _, err := ann.Post(ctx, chat.Post{Chat: "lobby", Text: "still here"}); err != nil {
			t.Error(err)
		}
	})
	for ev, err := range ann.Follow(ctx, "lobby", Earliest) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Message != nil {
			break
		}
	}
	posting.Wait()
	if opened.Load() != 1 {
		t.Errorf("%d streams were opened", opened.Load())
	}
}

// counting counts the streams that are asked for.
type counting struct {
	http.RoundTripper
	streams *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/stream") {
		c.streams.Add(1)
	}
	return c.RoundTripper.RoundTrip(r)
}

func TestTheProgramKeepsToWhatTheClientPromises(t *testing.T) {
	p := startProgram(t, server.Settings{})
	ann, bob := p.user("ann"), p.user("bob")
	ctx := testContext(t)
	wantErr := func(err error, want *chat.Error) {
		t.Helper()
		if _, ok := errors.AsType[*Problem](err); !ok || !errors.Is(err, want) {
			t.Errorf("%v, want %s", err, want.Code)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	_, err := ann.SignUp(ctx, "ann", "correct-horse", "Ann")
	wantErr(err, chat.ErrUsernameTaken)
	_, err = New(ann.base, WithHTTPClient(ann.http)).LogIn(ctx, "ann", "wrong-horse")
	wantErr(err, chat.ErrBadCredentials)

	ch, err := ann.CreateChat(ctx, chat.NewChat{ID: "lobby", Title: "The lobby", Visibility: chat.Public})
	ok(err)
	if *ch.Role != chat.RoleOwner || ch.Title != "The lobby" {
		t.Errorf("%+v", ch)
	}
	_, err = bob.CreateChat(ctx, chat.NewChat{ID: "lobby"})
	wantErr(err, chat.ErrChatExists)
	public, err := bob.PublicChats(ctx)
	ok(err)
	if len(public) != 1 || public[0].ID != "lobby" || public[0].Role != nil {
		t.Errorf("%+v", public)
	}
	_, err = bob.Members(ctx, "lobby")
	wantErr(err, chat.ErrNotAMember)
	_, err = bob.Chat(ctx, "nowhere")
	wantErr(err, chat.ErrNotFound)
	m, err := bob.PutMember(ctx, "lobby", "bob", "")
	ok(err)
	if m.Role != chat.RoleMember {
		t.Errorf("%+v", m)
	}

	first, err := bob.Post(ctx, chat.Post{Chat: "lobby", Text: "hello\n世界", ClientID: "one"})
	ok(err)
	again, err := bob.Post(ctx, chat.Post{Chat: "lobby", Text: "hello\n世界", ClientID: "one"})
	ok(err)
	if first.Replayed || !again.Replayed || !reflect.DeepEqual(again.Message, first.Message) {
		t.Errorf("%+v, then %+v", first, again)
	}
	_, err = bob.Post(ctx, chat.Post{Chat: "lobby", Text: "other", ClientID: "one"})
	wantErr(err, chat.ErrIdempotencyMismatch)
	_, err = bob.Post(ctx, chat.Post{Chat: "lobby", Text: ""})
	wantErr(err, chat.ErrInvalid)
	reply, err := ann.Post(ctx, chat.Post{Chat: "lobby", Text: "hi", ReplyTo: first.Message.ID, Origin: "tab"})
	ok(err)
	read, err := bob.Message(ctx, reply.Message.ID)
	ok(err)
	if !reflect.DeepEqual(read, reply.Message) || read.ReplyTo != first.Message.ID || read.Author != "ann" {
		t.Errorf("%+v", read)
	}

	newest, err := bob.History(ctx, "lobby", chat.HistoryQuery{Limit: 1})
	ok(err)
	if len(newest.Messages) != 1 || !reflect.DeepEqual(newest.Messages[0], read) || !newest.Earlier || newest.Later {
		t.Errorf("%+v", newest)
	}
	oldest, err := bob.History(ctx, "lobby", chat.HistoryQuery{Before: &read.ID, Limit: 1})
	ok(err)
	if len(oldest.Messages) != 1 || !reflect.DeepEqual(oldest.Messages[0], first.Message) || oldest.Earlier || !oldest.Later {
		t.Errorf("%+v", oldest)
	}

	// bob follows from the beginning, is removed, and comes back; then his session
	// ends under him.
	var names []chat.Kind
	for ev, err := range bob.Follow(ctx, "lobby", Earliest) {
		if ended, is := errors.AsType[*Ended](err); is && ended.Reason == "left" {
			break
		}
		ok(err)
		if names = append(names, ev.Name); ev.Name == Ready {
			ok(ann.RemoveMember(ctx, "lobby", "bob"))
		}
	}
	if got := fmt.Sprint(names); got != "[member.joined member.joined message message ready member.left]" {
		t.Errorf("bob saw %s", got)
	}
	_, err = ann.PutMember(ctx, "lobby", "bob", chat.RoleAdmin)
	ok(err)
	for ev, err := range bob.FollowAll(ctx, Now) {
		if errors.Is(err, chat.ErrSessionEnded) {
			break
		}
		ok(err)
		if ev.Name == Ready {
			ok(bob.LogOut(ctx))
		}
	}
	if _, err = bob.Me(ctx); err == nil {
		t.Error("bob is still logged in")
	}
	for ev, err := range ann.Follow(ctx, "lobby", After(1e15)) {
		ok(err)
		if ev.Name != Reset || ev.Reason != "ahead" {
			t.Errorf("%+v", ev)
		}
		break
	}
	title := "T"
	ch, err = ann.UpdateChat(ctx, "lobby", chat.ChatChange{Title: &title})
	ok(err)
	if ch.Title != title {
		t.Errorf("%+v", ch)
	}
	ok(ann.DeleteChat(ctx, "lobby"))
	_, err = ann.Chat(ctx, "lobby")
	wantErr(err, chat.ErrNotFound)
}
