package client

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultSilence is three times the service's usual 15 s between pings.
	defaultSilence = 45 * time.Second
	// answerWithin bounds one attempt of a plain request. The service answers
	// within 3 s even where its database does not; what takes longer than this
	// was lost on the way.
	answerWithin = 20 * time.Second
	// renewalGrace is how long a renewal may go on after its caller's context has
	// ended. One that is torn leaves a spent refresh token here, which costs the
	// session where it is not repeated within 30 s.
	renewalGrace = 2 * time.Second
)

// Client speaks to one service in the name of one user. Make it with [New].
type Client struct {
	base    string
	http    *http.Client
	log     *slog.Logger
	silence time.Duration

	answerWithin time.Duration
	renewalGrace time.Duration
	now          func() time.Time
	// lost says that a request got no answer in its time.
	lost atomic.Bool
	// pause waits for d or for the end of ctx, whose error it then returns.
	pause func(ctx context.Context, d time.Duration) error

	// turn has room for one: whoever is about to change the credentials through
	// the service. It is a channel so that waiting for it ends with a context.
	turn chan struct{}
	// keeper is nil where the session is the Client's alone.
	keeper Keeper

	mu    sync.Mutex
	creds credentials
}

// Option changes what [New] makes.
type Option func(*Client)

// WithHTTPClient uses h for all requests. Its Timeout does not apply to
// streams, which live for longer than any. A transport of its own should send pings,
// as that of [NewTransport] does; without one, and without this option, it is such a
// transport.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithLogger tells l of lost connections and repeated requests. No token,
// password or text is in what it is told. Without this option nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(c *Client) { c.log = l } }

// WithSilence lets a stream be given up and opened anew after d without a single
// byte. It must be longer than the service's time between pings; without this
// option it is 45 s, three times the usual one.
func WithSilence(d time.Duration) Option { return func(c *Client) { c.silence = d } }

// New makes a client of the service at baseURL, for instance
// "http://127.0.0.1:8080". It sends nothing.
func New(baseURL string, opts ...Option) *Client {
	c := &Client{
		base:         strings.TrimRight(baseURL, "/"),
		http:         &http.Client{},
		log:          slog.New(slog.DiscardHandler),
		silence:      defaultSilence,
		answerWithin: answerWithin,
		renewalGrace: renewalGrace,
		now:          time.Now,
		pause:        pause,
		turn:         make(chan struct{}, 1),
	}
	for _, opt := range opts {
		opt(c)
	}
	if c.http.Transport == nil {
		h := *c.http
		h.Transport = transport
		c.http = &h
	}
	return c
}
