package middleware_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"

	"github.com/gin-gonic/gin"

	"parley/middleware"
)

func TestOnlyATrustedPeerIsBelieved(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	h := build(t, housing{trusted: trusted})
	h.noActor.GET("/x", func(c *gin.Context) {
		c.String(http.StatusOK, "%v %s", middleware.Secure(c), middleware.Host(c))
	})
	for _, c := range []struct {
		name, peer string
		head       []string
		tls        bool
		want       string
	}{
		{"no proxy", "203.0.113.5:999", nil, false, "false in.side:8080"},
		{"a stranger", "203.0.113.5:999", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}, false, "false in.side:8080"},
		{"a trusted one", "10.1.2.3:999", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "chat.example"}, false, "true chat.example"},
		{"by IPv6", "[fd00::1]:999", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "chat.example"}, false, "true chat.example"},
		{"by IPv6 with a zone", "[fd00::1%eth0]:999", []string{"X-Forwarded-Proto", "https"}, false, "true in.side:8080"},
		{"by mapped IPv4", "[::ffff:10.1.2.3]:999", []string{"X-Forwarded-Proto", "https"}, false, "true in.side:8080"},
		{"silent", "10.1.2.3:999", nil, false, "false in.side:8080"},
		{"silent, over TLS", "10.1.2.3:999", nil, true, "true in.side:8080"},
		{"TLS inside, http outside", "10.1.2.3:999", []string{"X-Forwarded-Proto", "http"}, true, "false in.side:8080"},
		{"the nearest of several", "10.1.2.3:999", []string{"X-Forwarded-Host", "evil.example, chat.example", "X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"}, false, "false chat.example"},
		{"no address", "@", []string{"X-Forwarded-Proto", "https"}, false, "false in.side:8080"},
		{"TLS alone", "203.0.113.5:999", nil, true, "true in.side:8080"},
		{"a request that names https itself", "203.0.113.5:999", []string{"Forwarded", "proto=https;host=evil.example"}, false, "false in.side:8080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("GET", "/x", nil, c.head...)
			r.Host, r.RemoteAddr = "in.side:8080", c.peer
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if got := newRecorder(h, r).Body.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnAbsoluteURLOfTheClientsMakesNothingSecure(t *testing.T) {
	h := build(t, housing{trusted: proxies})
	h.noActor.GET("/x", func(c *gin.Context) { c.String(http.StatusOK, "%v", middleware.Secure(c)) })
	r := request("GET", "https://chat.example/x", nil)
	r.TLS = nil
	if got := newRecorder(h, r).Body.String(); got != "false" {
		t.Error("secure without TLS")
	}
}

func TestTheSignsOfAProxyAreSeenWhoeverSentThem(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/x", func(c *gin.Context) { c.String(http.StatusOK, "%v", middleware.WasForwarded(c)) })
	for _, c := range []struct{ name, want string }{
		{"Forwarded", "true"}, {"X-Forwarded-For", "true"}, {"X-Forwarded-Proto", "true"}, {"X-Forwarded-Host", "true"},
		{"x-forwarded-port", "true"}, {"X-Real-IP", "true"}, {"Via", "true"}, {"X-Other", "false"},
	} {
		if got := h.ask("GET", "/x", nil, c.name, "1").Body.String(); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
