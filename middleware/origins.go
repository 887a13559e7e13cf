package middleware

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"
)

// Origins knows which pages may act in the name of a cookie: those of the
// service's own origin, and those of listed ones.
type Origins struct {
	listed map[string]bool
	// hosts are the names of the listed ones, without their ports.
	hosts map[string]bool
}

// NewOrigins lists origins like "https://example.org" beside the service's own.
// "null", "*" and whatever else is no origin of http or https is never one of
// them, and a "*" inside of one stands for nothing but itself.
func NewOrigins(listed []string) *Origins {
	o := &Origins{listed: map[string]bool{}, hosts: map[string]bool{}}
	for _, s := range listed {
		if origin, ok := parseOrigin(s); ok {
			o.listed[origin.String()] = true
			o.hosts[origin.host] = true
		}
	}
	return o
}

// Check answers [ErrForeignOrigin] for a request that a page of a foreign origin
// sent. Own is what Sec-Fetch-Site calls same-origin or none; without that
// header, an Origin whose host and port are those that the request was sent to.
// A page of another origin of the same site is foreign, and so is the origin
// "null". A request with neither header comes from no browser, or from a page of
// this origin over plain http.
func (o *Origins) Check(r *http.Request) error {
	site, sent := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	switch {
	case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none"):
		return nil
	case len(sent) == 0 && len(site) == 0:
		return nil
	case len(sent) != 1:
		return ErrForeignOrigin
	}
	origin, ok := parseOrigin(sent[0])
	switch {
	case !ok:
		return ErrForeignOrigin
	case o.listed[origin.String()]:
		return nil
	case len(site) == 0 && origin.isOf(r):
		return nil
	}
	return ErrForeignOrigin
}

// Foreign is the origin of the page that sent a request, where it is another one than the
// service's own; empty for an own page's, and for what no browser sent. [ErrForeignOrigin]
// where it cannot be told.
func (o *Origins) Foreign(r *http.Request) (string, error) {
	site, sent := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	switch {
	case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none"), len(sent) == 0 && len(site) == 0:
		return "", nil
	case len(sent) != 1:
		return "", ErrForeignOrigin
	}
	origin, ok := parseOrigin(sent[0])
	switch {
	case !ok:
		return "", ErrForeignOrigin
	case len(site) == 0 && origin.isOf(r):
		return "", nil
	}
	return origin.String(), nil
}

// Guard refuses a request that changes something and whose actor came by cookie,
// if it is of a foreign origin. It stands behind [Tokens.Authenticate].
func (o *Origins) Guard() gin.HandlerFunc {
	return func(c *gin.Context) {
		if !ByCookie(c) || !changes(c.Request.Method) {
			return
		}
		if err := o.Check(c.Request); err != nil {
			WriteProblem(c, err)
		}
	}
}

// CORS lets the pages of listed origins, and of no others, read answers and send
// credentials, and answers their preflights. Where no origin is listed it does
// nothing.
func (o *Origins) CORS() gin.HandlerFunc {
	if len(o.listed) == 0 {
		return func(*gin.Context) {}
	}
	policy := cors.New(cors.Options{
		// A function and not a list: in a list "*" is everybody, and a "*" inside
		// of an entry matches more than one origin.
		AllowOriginFunc: func(sent string) bool {
			origin, ok := parseOrigin(sent)
			return ok && o.listed[origin.String()]
		},
		AllowedMethods:   []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   []string{"Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "Prefer", "X-Origin", "X-Request-Id"},
		ExposedHeaders:   []string{"ETag", "Idempotency-Replayed", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"},
		AllowCredentials: true,
		MaxAge:           600,
	})
	return func(c *gin.Context) {
		policy.HandlerFunc(c.Writer, c.Request)
		if isPreflight(c.Request) {
			c.Writer.WriteHeaderNow()
			c.Abort()
		}
	}
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// origin is a scheme, host and port (RFC 6454), in one form: lower case, the port
// always there.
type origin struct{ scheme, host, port string }

func (o origin) String() string { return o.scheme + "://" + net.JoinHostPort(o.host, o.port) }

// isOf says whether the request was sent to this origin. Where only the host is
// known to be so, because TLS may end at a proxy that is not trusted, the scheme
// is taken from the origin and a missing port is that scheme's own.
func (o origin) isOf(r *http.Request) bool {
	if isSecure(r) && o.scheme != "https" {
		return false
	}
	to, ok := parseOrigin(o.scheme + "://" + hostOf(r))
	return ok && to == o
}

func parseOrigin(s string) (origin, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		strings.HasSuffix(s, "#") {
		return origin{}, false
	}
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	switch {
	case o.host == "":
		return origin{}, false
	case o.scheme != "http" && o.scheme != "https":
		return origin{}, false
	case o.port != "":
	case o.scheme == "https":
		o.port = "443"
	default:
		o.port = "80"
	}
	return o, true
}
