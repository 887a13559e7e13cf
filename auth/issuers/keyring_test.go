package issuers

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

func TestAKeyThatIsNewIsFetchedOnce(t *testing.T) {
	t.Parallel()
	p := pairs()
	s := newSource(t, jwks(jwk("old", p.otherRSA)))
	d := newDesk(t, byURL(s))
	eventually(t, "the keys are read at the start", func() bool { return d.issuers[issuerName].ring.set.Load() != nil })
	s.publish(jwks(jwk("old", p.otherRSA), jwk("new", p.rsa)))
	d.advance(retryAfter)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := d.Verify(t.Context(), rs256("new", nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	for _, kid := range []string{"a", "b", "c"} {
		if _, err := d.Verify(t.Context(), rs256(kid, nil)); !errors.Is(err, chat.ErrInvalidToken) {
			t.Errorf("kid %s: %v", kid, err)
		}
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("made-up kids led to %d questions", n-2)
	}
}

func TestAKeyThatWasWithdrawnIsGoodNoLonger(t *testing.T) {
	t.Parallel()
	p := pairs()
	s := newSource(t, jwks(jwk("r", p.rsa)))
	d := newDesk(t, byURL(s))
	token := rs256("r", nil)
	if _, _, err := d.Admit(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	s.publish(jwks(jwk("other", p.otherRSA)))
	d.advance(staleAfter)
	eventually(t, "the token is refused", func() bool { _, _, err := d.Admit(t.Context(), token); return errors.Is(err, chat.ErrInvalidToken) })
}

func TestAnIssuerThatHangsDelaysNoOther(t *testing.T) {
	t.Parallel()
	p := pairs()
	slow, quick := newSource(t, jwks(jwk("r", p.rsa))), newSource(t, jwks(jwk("r", p.rsa)))
	other := byURL(quick)
	other.Issuer, other.Namespace = "https://quick.example", "quick"
	d := newDesk(t, byURL(slow), other)
	known, elsewhere := rs256("r", nil), rs256("r", map[string]any{"iss": "https://quick.example"})
	for _, token := range []string{known, elsewhere} {
		if _, err := d.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	slow.hang()
	d.advance(staleAfter)
	asked := slow.asked.Load()
	for range 3 { // the fresh look at the keys is under way
		for _, token := range []string{known, elsewhere} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := d.Verify(ctx, token); err != nil || ctx.Err() != nil {
				t.Errorf("%v, %v", err, ctx.Err())
			}
			cancel()
		}
	}
	eventually(t, "the slow one is asked", func() bool { return slow.asked.Load() == asked+1 })
	// A token with an unknown key waits as long as its request does, and no longer.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := d.Verify(ctx, rs256("new", nil)); !errors.Is(err, chat.ErrInvalidToken) {
		t.Error(err)
	}
}

func TestAnIssuerThatHangsIsGivenUpAndAskedAgain(t *testing.T) {
	t.Parallel()
	p := pairs()
	s := newSource(t, jwks(jwk("old", p.rsa)))
	d := newDesk(t, byURL(s))
	ring := d.issuers[issuerName].ring
	if ring.timeout != loadTimeout {
		t.Errorf("an issuer may take %s", ring.timeout)
	}
	eventually(t, "the keys are read at the start", func() bool {
		ring.mu.Lock()
		defer ring.mu.Unlock()
		return ring.loading == nil && !ring.loaded.IsZero()
	})
	ring.timeout = 200 * time.Millisecond

	// waits is how a token with a new key fares, whose request has more time than the load.
	waits := func() error {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := d.Verify(ctx, rs256("new", nil))
		if ctx.Err() != nil {
			t.Fatal("the load does not end")
		}
		return err
	}
	for name, hang := range map[string]func(){
		"without an answer": s.hang,
		"within its answer": func() {
			s.respond(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(`{"keys":[`))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-s.stopped:
				case <-r.Context().Done():
				}
			})
		},
	} {
		hang()
		d.advance(tellEvery)
		asked, told := s.asked.Load(), strings.Count(d.logged(), "\n")
		for range 3 { // the second and the third within retryAfter
			if err := waits(); !errors.Is(err, chat.ErrInvalidToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := s.asked.Load() - asked; n != 1 {
			t.Errorf("%s it is asked %d times", name, n)
		}
		d.advance(retryAfter)
		if err := waits(); !errors.Is(err, chat.ErrInvalidToken) {
			t.Errorf("%s, again: %v", name, err)
		}
		if n := s.asked.Load() - asked; n != 2 {
			t.Errorf("%s, it is asked %d times with a retry", name, n)
		}
		if log := d.logged(); strings.Count(log, "\n")-told != 1 || !strings.Contains(log, "deadline exceeded") || !strings.Contains(log, issuerName) {
			t.Errorf("%s, logged is:\n%s", name, log)
		}
		if _, err := d.Verify(t.Context(), rs256("old", nil)); err != nil {
			t.Errorf("%s, by a known key: %v", name, err)
		}
	}
	s.publish(jwks(jwk("old", p.otherRSA), jwk("new", p.rsa)))
	ring.timeout = loadTimeout
	d.advance(retryAfter)
	if err := waits(); err != nil {
		t.Errorf("the next look: %v", err)
	}
}

func TestKeysThatAreNoGoodAreRefusedAndLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	p := pairs()
	good := jwks(jwk("r", p.rsa))
	answer := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for name, respond := range map[string]func(http.ResponseWriter, *http.Request){
		"no JSON":         answer("<html>"),
		"JSON twice":      answer(good + good),
		"no set":          answer(`[]`),
		"no keys":         answer(`{"keys":[]}`),
		"a key no object": answer(`{"keys":[7]}`),
		"a kid twice":     answer(jwks(jwk("r", p.rsa), jwk("r", p.otherRSA))),
		"keys twice":      answer(`{"keys":[],` + good[1:]),
		"over 1 MiB":      answer(good + strings.Repeat(" ", maxJWKS)),
		"too many keys":   answer(`{"keys":[` + strings.TrimSuffix(strings.Repeat(`{"kty":"x"},`, maxKeys+1), ",") + `]}`),
		"a failure":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, http.StatusInternalServerError) },
		"a redirection": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				answer(good)(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		},
		"a broken answer":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a key for secrecy": answer(`{"keys":[` + strings.Replace(good[9:len(good)-2], `{`, `{"use":"enc",`, 1) + `]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, good)
			s.respond(respond)
			healthy := byURL(newSource(t, good))
			healthy.Issuer, healthy.Namespace = "https://healthy.example", "healthy"
			d := newDesk(t, byURL(s), healthy)
			for range 12 { // two minutes
				if _, err := d.Verify(t.Context(), rs256("r", nil)); !errors.Is(err, chat.ErrInvalidToken) {
					t.Fatal(err)
				}
				if _, err := d.Verify(t.Context(), rs256("r", map[string]any{"iss": "https://healthy.example"})); err != nil {
					t.Errorf("the other issuer: %v", err)
				}
				d.advance(retryAfter)
			}
			log := d.logged()
			if n := strings.Count(log, "\n"); name != "a key for secrecy" && n != 2 || !strings.Contains(log, issuerName) && n > 0 || strings.Contains(log, s.URL) {
				t.Errorf("%d lines:\n%s", n, log)
			}
			s.publish(good)
			d.advance(staleAfter)
			if _, err := d.Verify(t.Context(), rs256("r", nil)); err != nil {
				t.Errorf("when they are good: %v", err)
			}
			s.respond(respond)
			d.advance(staleAfter)
			if name != "a key for secrecy" {
				if _, err := d.Verify(t.Context(), rs256("r", nil)); err != nil {
					t.Errorf("known keys, when they are no good again: %v", err)
				}
			}
		})
	}
}

func TestWeakAndUnfitKeysVerifyNothing(t *testing.T) {
	t.Parallel()
	p := pairs()
	for name, text := range map[string]string{
		"a secret":            `{"keys":[{"kid":"r","kty":"oct","k":"` + b64([]byte(sharedSecret)) + `"}]}`,
		"another algorithm's": strings.Replace(jwks(jwk("r", p.rsa)), `"kty"`, `"alg":"PS256","kty"`, 1),
	} {
		d := newDesk(t, byURL(newSource(t, text)))
		for _, token := range []string{rs256("r", nil), forge("HS256", []byte(sharedSecret), `{"alg":"HS256","kid":"r"}`, says(nil))} {
			if _, err := d.Verify(t.Context(), token); !errors.Is(err, chat.ErrInvalidToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAFileOfKeysIsReadAnew(t *testing.T) {
	t.Parallel()
	p := pairs()
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(jwks(jwk("old", p.otherRSA)))
	c := Config{Issuer: issuerName, Audience: "chat", Namespace: "id", JWKSFile: path}
	d := newDesk(t, c)
	eventually(t, "the keys are read at the start", func() bool { return d.issuers[issuerName].ring.set.Load() != nil })
	write(jwks(jwk("r", p.rsa)))
	d.advance(retryAfter)
	if _, err := d.Verify(t.Context(), rs256("r", nil)); err != nil {
		t.Error(err)
	}
}
