package issuers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/e2e/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

const (
	sharedSecret = "a secret that an application shares"
	issuerName   = "https://id.example"
)

// pairs are key pairs that are made once: RSA's take long.
var pairs = sync.OnceValue(func() (p struct {
	rsa, otherRSA *rsa.PrivateKey
	ec            *ecdsa.PrivateKey
	ed            ed25519.PrivateKey
}) {
	p.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	p.otherRSA, _ = rsa.GenerateKey(rand.Reader, 2048)
	p.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, p.ed, _ = ed25519.GenerateKey(rand.Reader)
	return p
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is a public key as an issuer publishes it.
func jwk(kid string, key any) map[string]any {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return map[string]any{"kid": kid, "kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PrivateKey:
		return map[string]any{"kid": kid, "kty": "EC", "crv": "P-256", "x": b64(k.X.FillBytes(make([]byte, 32))), "y": b64(k.Y.FillBytes(make([]byte, 32)))}
	case ed25519.PrivateKey:
		return map[string]any{"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": b64(k.Public().(ed25519.PublicKey))}
	}
	panic("no key")
}

func jwks(keys ...map[string]any) string {
	text, _ := json.Marshal(map[string]any{"keys": keys})
	return string(text)
}

// forge signs any header and payload, by the algorithm and not by what the header says.
func forge(algorithm string, key any, header, payload string) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch algorithm {
	case "HS256":
		mac := hmac.New(sha256.New, key.([]byte))
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	case "RS256":
		signature, _ = rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	case "PS256":
		signature, _ = rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:], nil)
	case "ES256":
		r, s, _ := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "EdDSA":
		signature = ed25519.Sign(key.(ed25519.PrivateKey), []byte(text))
	}
	return text + "." + b64(signature)
}

// says is the payload of a good token, changed; nil takes a claim away.
func says(change map[string]any) string {
	c := map[string]any{"iss": issuerName, "aud": "chat", "sub": "subject-1", "exp": noon.Add(time.Hour).Unix(), "preferred_username": "ann", "jti": "j1"}
	maps.Copy(c, change)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	text, _ := json.Marshal(c)
	return string(text)
}

// rs256 is a token of the first RSA key.
func rs256(kid string, change map[string]any) string {
	return forge("RS256", pairs().rsa, `{"alg":"RS256","kid":"`+kid+`"}`, says(change))
}

// source is an issuer's address of keys.
type source struct {
	*httptest.Server
	asked atomic.Int64

	mu      sync.Mutex
	answer  func(w http.ResponseWriter, r *http.Request)
	stopped chan struct{}
}

func newSource(t testing.TB, text string) *source {
	t.Helper()
	s := &source{stopped: make(chan struct{})}
	s.publish(text)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(func() { close(s.stopped); s.Close() })
	return s
}

func (s *source) publish(text string) {
	s.respond(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
}

// hang lets every question wait until the test ends.
func (s *source) hang() {
	s.respond(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-s.stopped:
		case <-r.Context().Done():
		}
	})
}

func (s *source) respond(answer func(w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// desk is a set of issuers with its clock, store and log in the test's hands.
type desk struct {
	*Set
	mu     sync.Mutex
	time   time.Time
	log    bytes.Buffer
	stored []auth.Foreign
	refuse error
}

func newDesk(t testing.TB, configs ...Config) *desk {
	t.Helper()
	d := &desk{time: noon}
	var err error
	for i := range configs {
		configs[i].complete("")
	}
	d.Set, err = New(Options{Issuers: configs, Store: memory{d}, Now: d.clock, Log: slog.New(slog.NewTextHandler(lockedWriter{d}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

type lockedWriter struct{ d *desk }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	return w.d.log.Write(p)
}

func (d *desk) logged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.time
}

func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(by)
}

type memory struct{ d *desk }

// Admit implements [auth.ForeignStore].
func (m memory) Admit(_ context.Context, f auth.Foreign) (string, error) {
	d := m.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return "", d.refuse
	}
	d.stored = append(d.stored, f)
	return f.Username, nil
}

func (d *desk) admissions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.stored)
}

// byURL and bySecret are entries as Read leaves them.
func byURL(s *source) Config {
	return Config{Issuer: issuerName, Audience: "chat", Namespace: "id", JWKSURL: s.URL}
}

func bySecret() Config {
	return Config{Issuer: "app", Audience: "chat", Namespace: "app", SecretFile: "x", secret: []byte(sharedSecret)}
}

// eventually waits for what another goroutine brings about.
func eventually(t *testing.T, claim string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", claim)
		}
	}
}
