package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

// outside is the request as the client sent it, told by a trusted proxy. It
// travels in the request's context, where no client can put it, because
// [Origins.Check] has nothing but the request.
type outside struct {
	secure bool
	// host is empty where the proxy did not say.
	host string
}

type outsideKey struct{}

// Forwarded believes X-Forwarded-Proto and X-Forwarded-Host of peers whose
// address is in trusted, and of nobody else. Of several values the last counts:
// it is the one that the nearest proxy wrote.
func Forwarded(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := c.Request
		if !fromTrusted(r, trusted) {
			return
		}
		o := outside{secure: r.TLS != nil, host: lastValue(r.Header, "X-Forwarded-Host")}
		if proto := lastValue(r.Header, "X-Forwarded-Proto"); proto != "" {
			o.secure = strings.EqualFold(proto, "https")
		}
		c.Request = r.WithContext(context.WithValue(r.Context(), outsideKey{}, o))
	}
}

// WasForwarded says that the request shows signs of a proxy, trusted or not.
func WasForwarded(c *gin.Context) bool {
	for name := range c.Request.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
		switch name {
		case "Forwarded", "Via", "X-Real-Ip":
			return true
		}
	}
	return false
}

// isSecure says whether the client came over https: by TLS to this process, or to
// a trusted proxy that says so.
func isSecure(r *http.Request) bool {
	if o, ok := r.Context().Value(outsideKey{}).(outside); ok {
		return o.secure
	}
	return r.TLS != nil
}

// hostOf is the host, with its port if one was named, that the client asked: the
// request's, or what a trusted proxy says.
func hostOf(r *http.Request) string {
	if o, ok := r.Context().Value(outsideKey{}).(outside); ok && o.host != "" {
		return o.host
	}
	return r.Host
}

func fromTrusted(r *http.Request, trusted []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, prefix := range trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// lastValue is the last element of a header that is a list (RFC 9110 section
// 5.6.1).
func lastValue(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	list := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(list[len(list)-1])
}
