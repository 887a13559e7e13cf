package parleytest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/client"
	"parley/e2e/leak"
	"parley/parleytest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// within ends when a test takes too long.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestAServerHoldsItsSeed(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t, parleytest.WithSeed(parleytest.Seed{
		Users:    []parleytest.SeedUser{{Username: "eve", Password: "correct-horse-battery"}, {Username: "root", Admin: true}},
		Chats:    []parleytest.SeedChat{{ID: "den", Title: "The den", Owner: "eve", Members: []parleytest.SeedMember{{Username: "root", Role: chat.RoleAdmin}}}},
		Messages: []parleytest.SeedMessage{{Chat: "den", Author: "eve", Text: "first"}, {Chat: "den", Author: "root", Text: "second"}},
	}))
	part, err := srv.Client("root").History(within(t), "den", chat.HistoryQuery{})
	if err != nil || len(part.Messages) != 2 || part.Messages[1].Text != "second" || part.Messages[1].ID != srv.Chats["den"].Messages[1] {
		t.Errorf("%+v: %v", part, err)
	}
	if got := srv.Chats["den"]; got.Title != "The den" || got.Members["root"] != chat.RoleAdmin || got.Visibility != chat.Private {
		t.Errorf("%+v", got)
	}
	me, err := srv.Client("root").Me(within(t))
	if err != nil || !me.Admin || srv.Users["eve"].Password != "correct-horse-battery" {
		t.Errorf("%+v: %v", me, err)
	}
}

func TestACutStreamGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t)
	ann := srv.Client("ann")
	cuts := 0
	for e, err := range srv.Client("bob").Follow(within(t), "lobby", client.Earliest) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Name == client.Ready && cuts == 0:
			say(t, ann, "before the cut")
		case e.Message != nil && e.Message.Text == "before the cut":
			if cuts = srv.CutStreams("ann"); cuts != 0 {
				t.Fatalf("%d streams of ann, who has none", cuts)
			}
			if cuts = srv.CutStreams("bob"); cuts != 1 {
				t.Fatalf("%d streams of bob", cuts)
			}
			say(t, ann, "behind the cut")
		case e.Message != nil:
			if e.Message.Text != "behind the cut" {
				t.Fatalf("%q came twice", e.Message.Text)
			}
			return
		}
	}
}

func TestACutStreamBreaksOffWithoutAWord(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t)
	_, session, err := srv.LogIn(within(t), "bob")
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
		stream := open(t, srv, session.Token, accept)
		if _, err := until(stream, "head"); err != nil {
			t.Fatal(err)
		}
		if cuts := srv.CutStreams(); cuts != 1 {
			t.Errorf("%s: %d streams were cut", accept, cuts)
		}
		if rest, err := until(stream, "no such line"); !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(rest, "bye") {
			t.Errorf("%s ends with %q: %v", accept, rest, err)
		}
	}
}

func say(t *testing.T, c *client.Client, text string) {
	t.Helper()
	if _, err := c.Post(within(t), chat.Post{Chat: "lobby", Text: text}); err != nil {
		t.Fatal(err)
	}
}

// open opens a stream with nothing between it and the test.
func open(t *testing.T, srv *parleytest.Server, token, accept string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), "GET", srv.URL+"/chats/lobby/stream?after=earliest", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", accept)
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close(); client.CloseIdleConnections() })
	return bufio.NewReader(resp.Body)
}

// until reads lines up to one that holds text; all of them where the stream ends before.
func until(r *bufio.Reader, text string) (string, error) {
	var read strings.Builder
	for {
		line, err := r.ReadString('\n')
		read.WriteString(line)
		if err != nil || strings.Contains(line, text) {
			return read.String(), err
		}
	}
}

func TestAnExpiredTokenEndsItsStreamsAndIsRefused(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t)
	for accept, bye := range map[string]string{
		"text/event-stream":    "event: bye\ndata: {\"reason\":\"expired\"}\n\n",
		"application/x-ndjson": `{"event":"bye","data":{"reason":"expired"}}` + "\n",
	} {
		bob, session, err := srv.LogIn(within(t), "bob")
		if err != nil {
			t.Fatal(err)
		}
		stream := open(t, srv, session.Token, accept)
		if _, err := until(stream, "head"); err != nil {
			t.Fatal(err)
		}
		srv.ExpireToken(session.Token)
		if rest, err := until(stream, "no such line"); err == nil || err.Error() != "EOF" || !strings.HasSuffix(rest, bye) {
			t.Errorf("%s ends with %q: %v", accept, rest, err)
		}
		if _, err := client.New(srv.URL, client.WithToken(session.Token)).Me(within(t)); !refused(err, 401) {
			t.Errorf("the token is taken: %v", err)
		}
		if me, err := bob.Me(within(t)); err != nil || me.Username != "bob" {
			t.Errorf("the session is not renewed: %v", err)
		}
	}
}

func refused(err error, status int) bool {
	p, ok := errors.AsType[*client.Problem](err)
	return ok && p.Status == status
}

func TestTokensEndByTheServersClock(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t)
	_, session, err := srv.LogIn(within(t), "ann")
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(srv.URL, client.WithToken(session.Token))
	stream := open(t, srv, session.Token, "text/event-stream")
	srv.Advance(9 * time.Minute)
	if _, err := c.Me(within(t)); err != nil {
		t.Fatalf("before its end: %v", err)
	}
	srv.Advance(2 * time.Minute)
	if rest, _ := until(stream, "no such line"); !strings.Contains(rest, `{"reason":"expired"}`) {
		t.Errorf("the stream ends with %q", rest)
	}
	if _, err := c.Me(within(t)); !refused(err, 401) {
		t.Errorf("behind its end: %v", err)
	}
}

func TestALostDatabaseIsMissedAndComesBack(t *testing.T) {
	t.Parallel()
	srv := parleytest.New(t)
	back := srv.LoseDatabase()
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	post := chat.Post{Chat: "lobby", Text: "held up", ClientID: "once"}
	if _, err := srv.Client("ann").Post(soon, post); !refused(err, 503) {
		t.Fatalf("without a database: %v", err)
	}
	back()
	if _, err := srv.Client("ann").Post(within(t), post); err != nil {
		t.Fatal(err)
	}
	part, err := srv.Client("bob").History(within(t), "lobby", chat.HistoryQuery{})
	if err != nil || len(part.Messages) != 1 {
		t.Errorf("%+v: %v", part, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	srv, err := parleytest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := srv.Folder()
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", folder, err)
	}
}
