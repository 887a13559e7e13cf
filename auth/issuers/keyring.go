package issuers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxJWKS bounds what is read of an issuer's keys.
	maxJWKS = 1 << 20
	// loadTimeout is how long an issuer may take to tell its keys.
	loadTimeout = 5 * time.Second
	// retryAfter is the least time between two looks at an issuer's keys, so that tokens
	// with made-up kids cost the issuer nothing.
	retryAfter = 10 * time.Second
	// staleAfter is how long keys are used before they are looked at again. A key that was
	// withdrawn is good no longer than that, or retryAfter more.
	staleAfter = 5 * time.Minute
	// tellEvery is how often a source that is no good is logged.
	tellEvery = time.Minute
)

// keyring is the keys of one issuer, and how they are kept up to date.
type keyring struct {
	issuer string
	load   func(ctx context.Context) (*keySet, error)
	now    func() time.Time
	log    *slog.Logger
	// timeout is how long a load may take.
	timeout time.Duration
	// run starts what the set of issuers waits for when it closes.
	run func(func(ctx context.Context))

	set atomic.Pointer[keySet] // nil while none could be read

	mu sync.Mutex
	// loading is closed at the end of a load that is under way; nil while there is none.
	loading chan struct{}
	// tried is when a load last began, loaded when one last succeeded, told when a
	// failure was last logged.
	tried, loaded, told time.Time
}

// fitting are the keys for a token. Where none is known, the issuer is asked first, unless it
// was asked just now. Known keys never wait.
func (r *keyring) fitting(ctx context.Context, kid string, algorithm jose.SignatureAlgorithm) (*keySet, []any) {
	set := r.set.Load()
	keys := set.fitting(kid, algorithm)
	done := r.reload(len(keys) == 0)
	if len(keys) > 0 || done == nil {
		return set, keys
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	set = r.set.Load()
	return set, set.fitting(kid, algorithm)
}

// reload begins to read the keys anew where they are stale, or where one is missing; it
// returns the end of the load that is under way, nil where there is none.
func (r *keyring) reload(missing bool) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	due := missing || now.Sub(r.loaded) >= staleAfter
	if r.loading == nil && due && (r.tried.IsZero() || now.Sub(r.tried) >= retryAfter) {
		r.tried = now
		done := make(chan struct{})
		r.loading = done
		r.run(func(ctx context.Context) {
			defer close(done)
			r.update(ctx)
		})
	}
	return r.loading
}

// update reads the keys. Where that fails, those known stay.
func (r *keyring) update(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	set, err := r.load(ctx)
	// What was verified by the same keys stays verified.
	if known := r.set.Load(); err == nil && (known == nil || known.text != set.text) {
		r.set.Store(set)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loading = nil
	now := r.now()
	if err == nil {
		r.loaded = now
	} else if ctx.Err() != context.Canceled && now.Sub(r.told) >= tellEvery {
		r.told = now
		r.log.Warn("the keys of an issuer cannot be read; those that are known go on working", "issuer", r.issuer, "error", err)
	}
}

// loadKeys reads the keys of an entry from where they are.
func (c *Config) loadKeys(ctx context.Context) (*keySet, error) {
	text, err := c.keysText(ctx)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

func (c *Config) keysText(ctx context.Context) ([]byte, error) {
	if c.JWKSFile != "" {
		return readFile(c.JWKSFile, maxJWKS)
	}
	return fetch(ctx, c.JWKSURL)
}

// client asks issuers for their keys. It follows no redirection: an address that was checked
// must not lead to one that was not.
var client = &http.Client{
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: loadTimeout,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it leads elsewhere") },
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text repeats the address
			err = u.Err
		}
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %d", answer.StatusCode)
	}
	return readBounded(answer.Body, maxJWKS)
}
