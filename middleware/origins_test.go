package middleware_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/middleware"
)

func TestWhichPagesAreForeign(t *testing.T) {
	listed := []string{"https://friend.example", "http://dev.example:3000", "null", "*", "https://*.wild.example"}
	h := build(t, housing{trusted: proxies, origins: listed})
	const own, foreign = true, false
	for _, c := range []struct {
		name string
		head []string
		tls  bool
		own  bool
	}{
		{"neither header", nil, false, own},
		// Sec-Fetch-Site decides where it is.
		{"same-origin", []string{"Sec-Fetch-Site", "same-origin"}, false, own},
		{"same-origin behind a proxy that changes Host", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://chat.example", "Host", "10.0.0.7:8080"}, false, own},
		{"same-origin with a hidden origin", []string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, false, own},
		{"none, an address typed", []string{"Sec-Fetch-Site", "none"}, false, own},
		{"same-site", []string{"Sec-Fetch-Site", "same-site"}, false, foreign},
		{"cross-site", []string{"Sec-Fetch-Site", "cross-site"}, false, foreign},
		{"cross-site and own Origin", []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://chat.example"}, false, foreign},
		{"same-site and own Origin", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://chat.example"}, false, foreign},
		{"same-site and foreign", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://other.chat.example"}, false, foreign},
		{"cross-site but listed", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://friend.example"}, false, own},
		{"same-site but listed", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://dev.example:3000"}, false, own},
		{"cross-site and null", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, false, foreign},
		{"an unknown word", []string{"Sec-Fetch-Site", "neighbour"}, false, foreign},
		{"an empty word", []string{"Sec-Fetch-Site", ""}, false, foreign},
		{"two words", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"}, false, foreign},
		// Origin decides where it is alone.
		{"own", []string{"Origin", "http://chat.example"}, false, own},
		{"own in capitals", []string{"Origin", "HTTP://Chat.Example", "Host", "CHAT.example"}, false, own},
		{"own, default port named", []string{"Origin", "http://chat.example", "Host", "chat.example:80"}, false, own},
		{"own over TLS", []string{"Origin", "https://chat.example"}, true, own},
		{"own over TLS, default port named", []string{"Origin", "https://chat.example", "Host", "chat.example:443"}, true, own},
		{"own over TLS, Origin with the port", []string{"Origin", "https://chat.example:443"}, true, own},
		{"own, TLS ended by an unknown proxy", []string{"Origin", "https://chat.example"}, false, own},
		{"own with a port", []string{"Origin", "http://chat.example:8080", "Host", "chat.example:8080"}, false, own},
		{"own by IPv6", []string{"Origin", "http://[::1]:8080", "Host", "[::1]:8080"}, false, own},
		{"http page of an https service", []string{"Origin", "http://chat.example"}, true, foreign},
		{"another port", []string{"Origin", "http://chat.example:8081", "Host", "chat.example:8080"}, false, foreign},
		{"a port against none", []string{"Origin", "http://chat.example:8080"}, false, foreign},
		{"none against a port", []string{"Origin", "http://chat.example", "Host", "chat.example:8080"}, false, foreign},
		{"https against port 80", []string{"Origin", "https://chat.example", "Host", "chat.example:80"}, false, foreign},
		{"another host", []string{"Origin", "http://evil.example"}, false, foreign},
		{"a host below", []string{"Origin", "http://a.chat.example"}, false, foreign},
		{"a host that begins like it", []string{"Origin", "http://chat.example.evil.example"}, false, foreign},
		{"a user named like it", []string{"Origin", "http://chat.example@evil.example"}, false, foreign},
		{"its user at it", []string{"Origin", "http://evil@chat.example"}, false, foreign},
		{"another scheme", []string{"Origin", "ftp://chat.example"}, false, foreign},
		{"an extension", []string{"Origin", "chrome-extension://chat.example"}, false, foreign},
		{"a path", []string{"Origin", "http://chat.example/"}, false, foreign},
		{"null", []string{"Origin", "null"}, false, foreign},
		{"empty", []string{"Origin", ""}, false, foreign},
		{"rubbish", []string{"Origin", "http://[::1"}, false, foreign},
		{"two", []string{"Origin", "http://chat.example", "Origin", "http://evil.example"}, false, foreign},
		{"listed", []string{"Origin", "https://friend.example"}, false, own},
		{"listed, default port named", []string{"Origin", "https://friend.example:443"}, false, own},
		{"listed by another scheme", []string{"Origin", "http://friend.example"}, false, foreign},
		{"listed by another port", []string{"Origin", "http://dev.example"}, false, foreign},
		{"a star is nobody", []string{"Origin", "https://any.wild.example"}, false, foreign},
		{"a literal star", []string{"Origin", "*"}, false, foreign},
		// A trusted proxy's host stands for the request's.
		{"forwarded host", []string{"Origin", "https://out.example", "X-Forwarded-Host", "out.example", "X-Forwarded-Proto", "https", "Host", "10.0.0.7:8080"}, false, own},
		{"forwarded host with a port", []string{"Origin", "https://out.example:8443", "X-Forwarded-Host", "out.example:8443", "X-Forwarded-Proto", "https"}, false, own},
		{"forwarded https, page over http", []string{"Origin", "http://out.example", "X-Forwarded-Host", "out.example", "X-Forwarded-Proto", "https"}, false, foreign},
		{"the inner host", []string{"Origin", "http://chat.example", "X-Forwarded-Host", "out.example"}, false, foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("POST", "/looked-at", nil, append([]string{"Host", "chat.example"}, c.head...)...)
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			var checked error
			through(t, h, r, func(r *http.Request) { checked = h.origins.Check(r) })
			if c.own != (checked == nil) {
				t.Errorf("own is %v, Check says %v", c.own, checked)
			}
			if checked != nil && !errors.Is(checked, middleware.ErrForeignOrigin) {
				t.Errorf("Check says %v", checked)
			}
		})
	}
}

func TestAForgedForwardedHostOfAnUntrustedPeerOpensNothing(t *testing.T) {
	h := build(t, housing{})
	r := request("POST", "/looked-at", nil, "Origin", "http://evil.example", "X-Forwarded-Host", "evil.example")
	through(t, h, r, func(r *http.Request) {
		if h.origins.Check(r) == nil {
			t.Error("passed")
		}
	})
}

func TestOnlyAChangeByCookieIsGuarded(t *testing.T) {
	h := build(t, housing{origins: []string{"https://friend.example"}})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		h.withUser.Handle(method, "/x", ok)
	}
	token := h.sign(t, "ann", "s1")
	bearer, cookie := []string{"Authorization", "Bearer " + token}, []string{"Cookie", "parley_token=" + token}
	foreign := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		wantOK(t, h.ask(method, "/x", nil, slices.Concat(bearer, foreign)...))
		wantOK(t, h.ask(method, "/x", nil, cookie...))
		wantOK(t, h.ask(method, "/x", nil, slices.Concat(cookie, []string{"Sec-Fetch-Site", "same-origin"})...))
		wantOK(t, h.ask(method, "/x", nil, slices.Concat(cookie, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://friend.example"})...))
		w := h.ask(method, "/x", nil, slices.Concat(cookie, foreign)...)
		if method == "GET" || method == "HEAD" {
			wantOK(t, w)
		} else {
			wantProblem(t, w, 403, "foreign_origin")
		}
	}
}

func TestCORSIsForExactlyTheListedOrigins(t *testing.T) {
	h := build(t, housing{origins: []string{"https://friend.example", "null", "*", "https://*.wild.example"}})
	h.withUser.POST("/x", ok)
	token := h.sign(t, "ann", "s1")
	for origin, allowed := range map[string]bool{
		"https://friend.example":   true,
		"http://friend.example":    false,
		"https://a.friend.example": false,
		"https://evil.example":     false,
		"https://a.wild.example":   false,
		"null":                     false,
		"*":                        false,
	} {
		t.Run(origin, func(t *testing.T) {
			want, credentials := "", ""
			if allowed {
				want, credentials = origin, "true"
			}
			check := func(w http.ResponseWriter) {
				t.Helper()
				if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
					t.Errorf("Access-Control-Allow-Origin %q, want %q", got, want)
				}
				if got := w.Header().Get("Access-Control-Allow-Credentials"); got != credentials {
					t.Errorf("Access-Control-Allow-Credentials %q, want %q", got, credentials)
				}
				if !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Origin") {
					t.Error("no Vary: Origin")
				}
			}
			w := h.ask("POST", "/x", nil, "Origin", origin, "Authorization", "Bearer "+token)
			wantOK(t, w)
			check(w)
			// A page that may ask may also read the refusal.
			w = h.ask("POST", "/x", nil, "Origin", origin)
			wantProblem(t, w, 401, "unauthenticated")
			check(w)
			w = h.ask("OPTIONS", "/x", nil, "Origin", origin, "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "authorization,content-type,idempotency-key")
			if w.Code != http.StatusNoContent {
				t.Errorf("preflight: %d %s", w.Code, w.Body)
			}
			check(w)
		})
	}
}

func TestWithoutListedOriginsThereIsNoCORS(t *testing.T) {
	for _, listed := range [][]string{nil, {}, {"*"}, {"null"}, {""}} {
		h := build(t, housing{origins: listed})
		h.noActor.POST("/x", ok)
		w := h.ask("POST", "/x", nil, "Origin", "https://evil.example")
		wantOK(t, w)
		p := h.ask("OPTIONS", "/x", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
		wantProblem(t, p, 405, "method_not_allowed")
		for name := range p.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%q: %s", listed, name)
			}
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%q: %s", listed, name)
			}
		}
	}
}

// through sends the request through a chain and looks at it as a handler does.
func through(t *testing.T, h *house, r *http.Request, look func(*http.Request)) {
	t.Helper()
	looked := false
	h.look = func(r *http.Request) {
		looked = true
		look(r)
	}
	newRecorder(h, r)
	if !looked {
		t.Fatal("the request did not come through")
	}
}
