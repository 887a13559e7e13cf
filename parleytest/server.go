package parleytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/client"
	"parley/ephemeral"
	"parley/server"
)

// What a server holds when it starts, and what a test knows of it afterwards.
type (
	Seed        = ephemeral.Seed
	SeedUser    = ephemeral.SeedUser
	SeedChat    = ephemeral.SeedChat
	SeedMember  = ephemeral.SeedMember
	SeedMessage = ephemeral.SeedMessage
	User        = ephemeral.User
	Chat        = ephemeral.Chat
)

// Server is a running parley.
type Server struct {
	// URL is where it is, without a slash at the end.
	URL string
	// Users and Chats are those of the seed, by name and id.
	Users map[string]User
	Chats map[string]Chat

	place *ephemeral.Place
	inner string // the server's own address, behind the front
	front *front
	// ahead is how far the server's clock was moved, in nanoseconds.
	ahead atomic.Int64
	log   lockedBuffer
	back  func() // brings the database back; nil while it is there

	stop   context.CancelFunc
	served chan error
}

// Option changes what [New] and [Start] make.
type Option func(*options)

type options struct {
	seed     Seed
	settings server.Settings
}

// WithSeed has the server hold s.
func WithSeed(s Seed) Option { return func(o *options) { o.seed = s } }

// WithSettings changes the server's settings. What they are without it is said in
// [server.Settings], but that there are no limits on rate. Address, data and database are
// not to be set.
func WithSettings(change func(*server.Settings)) Option {
	return func(o *options) { change(&o.settings) }
}

// New starts a server for a test, and closes it at the test's end. Where the test fails, it
// logs what the server has logged.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server logged:\n%s", s.log.String())
		}
	})
	return s
}

// Start is New for what has no test at hand, such as TestMain. The caller closes the server.
// ctx bounds the start alone.
func Start(ctx context.Context, opts ...Option) (_ *Server, err error) {
	o := options{seed: ephemeral.Default(), settings: server.Settings{Limits: "off"}}
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.seed.Check(); err != nil {
		return nil, fmt.Errorf("the seed is no good: %w", err)
	}
	s := &Server{stop: func() {}, served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.place, err = ephemeral.New(ctx, o.seed); err != nil {
		return nil, err
	}
	settings := s.place.Settings(o.settings)
	settings.Listen = "127.0.0.1:0"
	if err := s.serve(ctx, settings); err != nil {
		return nil, err
	}
	contents, err := s.place.Fill(ctx, s.URL)
	if err != nil {
		return nil, err
	}
	s.Users, s.Chats = contents.Users, contents.Chats
	s.front.know(s.Users)
	return s, nil
}

// serve starts the server, and the front before it.
func (s *Server) serve(ctx context.Context, settings server.Settings) error {
	srv, err := server.OpenByClock(ctx, settings, &s.log, s.Now)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.Background())
	s.inner, s.stop = srv.URL(), stop
	go func() { s.served <- srv.Serve(serving) }()
	if s.front, err = newFront(s.inner, settings.JWTSecret); err != nil {
		return err
	}
	s.URL = s.front.url
	return nil
}

// Close ends the server and removes what it has kept. Streams are told, as at every end of a
// server.
func (s *Server) Close() error {
	if s.back != nil {
		s.back()
	}
	s.stop()
	var err error
	if s.inner != "" {
		err = <-s.served
	}
	if s.front != nil {
		s.front.close()
	}
	if s.place != nil {
		err = errors.Join(err, s.place.Close())
	}
	s.inner, s.front, s.place = "", nil, nil
	return err
}

// Folder is where the server keeps its data; it is removed by [Server.Close].
func (s *Server) Folder() string { return s.place.Folder() }

// Client is a client in the name of a user of the seed. It has the user's script token, and
// so never needs to renew a session. It panics where there is no such user.
func (s *Server) Client(username string) *client.Client {
	return client.New(s.URL, client.WithToken(s.user(username).Token))
}

// LogIn logs a user of the seed in anew. The session's tokens are for what the test tests;
// the client goes on with the same session, so that one of the two may renew it. It panics
// where there is no such user.
func (s *Server) LogIn(ctx context.Context, username string) (*client.Client, client.Session, error) {
	kept := new(memory)
	c := client.New(s.URL, client.WithSession(client.Session{}, kept))
	_, err := c.LogIn(ctx, username, s.user(username).Password)
	return c, kept.session, err
}

func (s *Server) user(username string) User {
	u, ok := s.Users[username]
	if !ok {
		panic(fmt.Sprintf("parleytest: the seed has no user %q", username))
	}
	return u
}

// memory keeps a session for one client.
type memory struct {
	mu      sync.Mutex
	session client.Session
}

// Change is [client.Keeper.Change].
func (m *memory) Change(_ context.Context, change func(client.Session) (client.Session, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next, err := change(m.session)
	if err == nil {
		m.session = next
	}
	return err
}

// Now is the time by the server's clock.
func (s *Server) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Advance moves the server's clock ahead by d, which is not less than 0. What
// [server.OpenByClock] names ends so much sooner: access tokens, script tokens, stream
// tickets. Sessions do not. The open streams of access tokens that have ended by then
// say so and end. Messages keep the time at which they were really posted.
func (s *Server) Advance(d time.Duration) {
	s.ahead.Add(int64(max(0, d)))
	s.front.endExpired(s.Now())
}

// ExpireToken has an access token be one that has ended: requests with it are answered 401,
// and its open streams say so and end. Its session goes on, so that it can be renewed. It
// panics where token is no access token.
func (s *Server) ExpireToken(token string) {
	if err := s.front.expire(token); err != nil {
		panic("parleytest: " + err.Error())
	}
}

// CutStreams breaks the open streams of the users named, or of all where none is named, as a
// lost connection does: without a word, wherever they are. It returns how many there were.
func (s *Server) CutStreams(usernames ...string) int { return s.front.cut(usernames) }

// LoseDatabase takes the database's file away, as a disk that is gone does: requests are
// answered 503, streams stay open and bring nothing. back brings it back as it was, and the
// server goes on by itself. It panics where the system does not let an open file be moved.
func (s *Server) LoseDatabase() (back func()) {
	here := filepath.Join(s.place.Folder(), "parley.db")
	away := here + ".away"
	s.move(here, away)
	s.back = sync.OnceFunc(func() {
		s.move(away, here)
		s.back = nil
	})
	return s.back
}

// move moves the database's file, and lets the server look at once.
func (s *Server) move(from, to string) {
	if err := os.Rename(from, to); err != nil {
		panic("parleytest: " + err.Error())
	}
	if resp, err := http.Get(s.inner + "/readyz"); err == nil {
		resp.Body.Close()
	}
}

// lockedBuffer holds the server's log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
