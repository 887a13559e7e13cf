package parleytest

import (
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/auth"
)

// front stands before the server, as a proxy does that changes nothing. It knows which
// streams are open, and whose they are.
type front struct {
	url       string
	key       []byte // of access tokens
	http      *http.Server
	transport *http.Transport

	mu      sync.Mutex
	streams map[*tap]struct{}
	// expired are access tokens, with what the server is shown instead.
	expired map[string]string
	// scripts are the users of script tokens.
	scripts map[string]string
}

func newFront(target, secret string) (*front, error) {
	at, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{
		url: "http://" + listener.Addr().String() + at.Path, key: auth.DeriveKey([]byte(secret), "access token"),
		// What is compressed has no frames to be seen.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100},
		streams:   make(map[*tap]struct{}), expired: make(map[string]string), scripts: make(map[string]string),
	}
	// Rewrite, unlike Director, adds nothing that tells of a proxy: the server is to see a
	// client.
	f.http = &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = at.Scheme, at.Host, r.In.Host
			r.Out.Header.Set("Accept-Encoding", "identity")
			if shown, ok := f.shownFor(bearer(r.In)); ok {
				r.Out.Header.Set("Authorization", "Bearer "+shown)
			}
		},
		Transport: f.transport, FlushInterval: -1, ModifyResponse: f.watch, ErrorLog: log.New(io.Discard, "", 0),
	}}
	go func() { _ = f.http.Serve(listener) }()
	return f, nil
}

func (f *front) close() {
	_ = f.http.Close()
	f.transport.CloseIdleConnections()
}

// know notes whose script tokens there are.
func (f *front) know(users map[string]User) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, u := range users {
		f.scripts[u.Token] = name
	}
}

// bearer is the request's token.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

func (f *front) shownFor(token string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shown, ok := f.expired[token]
	return shown, ok
}

// watch puts a tap on an answer that is a stream.
func (f *front) watch(resp *http.Response) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	framing, ok := framings[media]
	if !ok || resp.StatusCode != http.StatusOK || !strings.HasSuffix(resp.Request.URL.Path, "/stream") {
		return nil
	}
	token := bearer(resp.Request)
	t := newTap(resp.Body, framing)
	t.token, t.user = token, f.userOf(token)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams[t] = struct{}{}
	t.closed = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.streams, t)
	}
	resp.Body = t
	return nil
}

// userOf is whose token it is; empty where that is not known.
func (f *front) userOf(token string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name, ok := f.scripts[token]; ok {
		return name
	}
	claims, _ := readClaims(token)
	return claims.subject()
}

// taps are the open streams for which which is true.
func (f *front) taps(which func(*tap) bool) []*tap {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*tap
	for t := range f.streams {
		if which(t) {
			found = append(found, t)
		}
	}
	return found
}

func (f *front) cut(usernames []string) int {
	cut := f.taps(func(t *tap) bool { return len(usernames) == 0 || slices.Contains(usernames, t.user) })
	for _, t := range cut {
		t.cut()
	}
	return len(cut)
}

// expire has a token be one that has ended.
func (f *front) expire(token string) error {
	ended, err := endedToken(token, f.key)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.expired[token] = ended
	f.mu.Unlock()
	for _, t := range f.taps(func(t *tap) bool { return t.token == token }) {
		t.bye("expired")
	}
	return nil
}

// endExpired ends the streams of tokens that have ended by then.
func (f *front) endExpired(now time.Time) {
	for _, t := range f.taps(func(t *tap) bool {
		claims, err := readClaims(t.token)
		return err == nil && !now.Before(claims.expires())
	}) {
		t.bye("expired")
	}
}
