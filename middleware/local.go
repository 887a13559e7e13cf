package middleware

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// CheckLocal answers [ErrMisdirected] for a request whose Host is neither a loopback
// one, on any port, nor that of a listed origin. It guards what is open to this machine
// alone and asks for no credential: a page can have its own name resolve to 127.0.0.1,
// and the browser then takes parley's answers for that page's own (DNS rebinding).
//
// What asks for a credential needs no such check. Cookies belong to the name that set
// them, so the browser sends none to a page's own name; and a proxy that is not
// trusted, and passes the Host that it was asked for, is served as far as it goes.
func (o *Origins) CheckLocal(r *http.Request) error {
	u, ok := parseOrigin("http://" + r.Host)
	if !ok || !isLoopbackName(u.host) && !o.hosts[u.host] {
		return ErrMisdirected
	}
	return nil
}

func isLoopbackName(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// Unannounced warns, once, of a proxy on this machine where none is trusted. Its
// requests look like those of this machine, but for what it adds to them: one that
// adds nothing opens to everybody what is open to this machine alone.
func Unannounced(trusted []netip.Prefix, log *slog.Logger) gin.HandlerFunc {
	if len(trusted) > 0 {
		return func(*gin.Context) {}
	}
	var once sync.Once
	return func(c *gin.Context) {
		if sign := signOfProxy(c.Request); sign != "" && addrOf(c.Request.RemoteAddr).IsLoopback() {
			once.Do(func() {
				log.Warn("a proxy on this machine is not trusted: name it in --trusted-proxies. "+
					"One that sets no X-Forwarded-For opens sign-up and /metrics to everybody", "sign", sign)
			})
		}
	}
}

// WasForwarded says that the request shows signs of a proxy, trusted or not.
func WasForwarded(c *gin.Context) bool { return signOfProxy(c.Request) != "" }

// signOfProxy is what tells that a request came through a proxy: the name of a header,
// or "" where nothing tells.
func signOfProxy(r *http.Request) string {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			return name
		}
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip",
			"X-Original-Host", "X-Original-Forwarded-For", "Cf-Connecting-Ip", "Cdn-Loop":
			return name
		}
	}
	// The browser asked the page's own host, and that is not the one asked here: what
	// came between gave the request another Host, as nginx does unless told not to.
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		if origin, ok := parseOrigin(r.Header.Get("Origin")); ok && !origin.isOf(r) {
			return "Origin"
		}
	}
	return ""
}
