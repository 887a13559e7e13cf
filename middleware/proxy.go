package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
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
	// address is where the client is; invalid where the proxy did not say.
	address netip.Addr
}

type outsideKey struct{}

// Forwarded believes X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-For of
// peers whose address is in trusted, and of nobody else. Of several values the last
// counts: it is the one that the nearest proxy wrote. Of addresses it is the last
// that is not a trusted proxy's own.
func Forwarded(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := c.Request
		if !fromTrusted(r, trusted) {
			return
		}
		o := outside{
			secure:  r.TLS != nil,
			host:    lastValue(r.Header, "X-Forwarded-Host"),
			address: forwardedFor(r, trusted),
		}
		if proto := lastValue(r.Header, "X-Forwarded-Proto"); proto != "" {
			o.secure = strings.EqualFold(proto, "https")
		}
		c.Request = r.WithContext(context.WithValue(r.Context(), outsideKey{}, o))
	}
}

// AddressOf is the address of the client, as far as trusted proxies tell it; of
// IPv6 the network of 64 bits, all of which one client may have. It is empty where
// nobody says, and where it is this machine's own, which is that of everybody behind
// a proxy that is not trusted.
func AddressOf(c *gin.Context) string {
	address := clientAddr(c)
	switch {
	case !address.IsValid() || address.IsLoopback():
		return ""
	case address.Is6():
		return netip.PrefixFrom(address, 64).Masked().String()
	}
	return address.String()
}

// FullAddressOf is the whole address of the client, for its user to see; empty where nobody
// says.
func FullAddressOf(c *gin.Context) string {
	if address := clientAddr(c); address.IsValid() {
		return address.String()
	}
	return ""
}

// clientAddr is where the client is, as far as trusted proxies tell it.
func clientAddr(c *gin.Context) netip.Addr {
	if o, ok := c.Request.Context().Value(outsideKey{}).(outside); ok {
		return o.address
	}
	return addrOf(c.Request.RemoteAddr)
}

// forwardedFor walks back along X-Forwarded-For past the trusted proxies; invalid
// where that ends in nothing that is an address.
func forwardedFor(r *http.Request, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		address, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if err != nil { // some write the port too
			address = addrOf(hop)
		}
		if address = address.Unmap().WithZone(""); !within(address, trusted) {
			return address
		}
	}
	return netip.Addr{}
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
	return within(addrOf(r.RemoteAddr), trusted)
}

// addrOf is the address of a peer; invalid where there is none, as in a test.
func addrOf(remote string) netip.Addr {
	peer, _ := netip.ParseAddrPort(remote)
	return peer.Addr().Unmap().WithZone("")
}

func within(address netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
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
