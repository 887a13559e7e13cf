package middleware_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// proxies trusts the address that httptest gives to its requests.
var proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}

func cookieHouse(t *testing.T) *house {
	h, cookies := build(t, housing{trusted: proxies}), middleware.NewCookies("", "")
	h.noActor.POST("/login", func(c *gin.Context) {
		cookies.Set(c, chat.Login{
			Token: "acc.ess", ExpiresAt: chat.NewTime(time.Now().Add(10 * time.Minute)),
			RefreshToken: "ref.re.sh", RefreshExpiresAt: chat.NewTime(time.Now().Add(24 * time.Hour)),
		})
	})
	h.noActor.POST("/logout", func(c *gin.Context) { cookies.Clear(c) })
	h.noActor.POST("/refresh", func(c *gin.Context) {
		token, ok := cookies.Refresh(c.Request)
		if !ok {
			token = "none"
		}
		c.String(http.StatusOK, token)
	})
	h.withUser.GET("/me", whoami)
	return h
}

func TestCookiesAreHttpOnlyLaxAndOverHttpsHostBound(t *testing.T) {
	h := cookieHouse(t)
	for _, c := range []struct {
		name   string
		proto  string
		tls    bool
		secure bool
	}{
		{"http", "", false, false},
		{"a proxy's http", "http", false, false},
		{"a proxy's https", "https", false, true},
		{"a proxy's HTTPS", "HTTPS", false, true},
		{"TLS", "", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			prefix := ""
			if c.secure {
				prefix = "__Host-"
			}
			for _, call := range []struct {
				path            string
				access, refresh string
				ages            [2]int
			}{
				{"/login", "acc.ess", "ref.re.sh", [2]int{600, 86400}},
				{"/logout", "", "", [2]int{-1, -1}},
			} {
				r := request("POST", call.path, nil)
				if c.proto != "" {
					r.Header.Set("X-Forwarded-Proto", c.proto)
				}
				if c.tls {
					r.TLS = &tls.ConnectionState{}
				}
				got := newRecorder(h, r).Result().Cookies()
				if len(got) != 2 {
					t.Fatalf("%s: cookies %v", call.path, got)
				}
				for i, want := range []http.Cookie{
					{Name: prefix + "parley_token", Value: call.access, MaxAge: call.ages[0]},
					{Name: prefix + "parley_refresh", Value: call.refresh, MaxAge: call.ages[1]},
				} {
					ck := got[i]
					if ck.Name != want.Name || ck.Value != want.Value || ck.MaxAge != want.MaxAge || ck.Path != "/" ||
						ck.Domain != "" || !ck.HttpOnly || ck.Secure != c.secure || ck.SameSite != http.SameSiteLaxMode {
						t.Errorf("%s: %s", call.path, ck)
					}
				}
			}
		})
	}
}

func TestOverHttpsOnlyTheHostBoundCookiesAreRead(t *testing.T) {
	h := cookieHouse(t)
	ann, bob := h.sign(t, "ann", "s1"), h.sign(t, "bob", "s2")
	plain, bound := "parley_token="+ann+"; parley_refresh=one", "__Host-parley_token="+bob+"; __Host-parley_refresh=two"
	for _, c := range []struct {
		proto, cookie string
		who, refresh  string
	}{
		{"http", plain, "ann s1 true", "one"},
		{"http", bound, "", "none"},
		{"http", bound + "; " + plain, "ann s1 true", "one"},
		{"https", plain, "", "none"},
		{"https", bound, "bob s2 true", "two"},
		{"https", plain + "; " + bound, "bob s2 true", "two"},
	} {
		w := h.ask("GET", "/me", nil, "X-Forwarded-Proto", c.proto, "Cookie", c.cookie)
		if c.who == "" {
			wantProblem(t, w, 401, "unauthenticated")
		} else if w.Body.String() != c.who {
			t.Errorf("%s %q: %d %s", c.proto, c.cookie, w.Code, w.Body)
		}
		if w := h.ask("POST", "/refresh", nil, "X-Forwarded-Proto", c.proto, "Cookie", c.cookie); w.Body.String() != c.refresh {
			t.Errorf("%s %q: refresh token %s, want %s", c.proto, c.cookie, w.Body, c.refresh)
		}
	}
}

func TestARequestWithAnAuthorizationHeaderHasNoRefreshCookie(t *testing.T) {
	h := cookieHouse(t)
	for _, value := range []string{"", "Bearer abc", "Basic abc"} {
		if w := h.ask("POST", "/refresh", nil, "Cookie", "parley_refresh=one", "Authorization", value); w.Body.String() != "none" {
			t.Errorf("%q: read %s", value, w.Body)
		}
	}
}
