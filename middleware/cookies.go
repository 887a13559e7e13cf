package middleware

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

// hostPrefix stands before the cookies' names over https. With it a browser takes
// them only from this very host over https (RFC 6265bis section 4.1.3), and they are
// read under no other name: a neighbour's subdomain could have set that.
const hostPrefix = "__Host-"

// Cookies are the two cookies in which a browser keeps its tokens.
// A third one keeps for a page of another origin what its stream comes back with.
type Cookies struct{ access, refresh, stream, path string }

// NewCookies names the cookies, over plain http, name_token and name_refresh; parley_…
// for "". Browsers do not tell the ports of one host apart (RFC 6265 section 8.5), so
// services beside each other need different names.
//
// Under a base path, over plain http, they are sent to that path alone. Over https
// their path stays "/", without which no browser takes the prefix __Host-.
func NewCookies(name, basePath string) *Cookies {
	name = cmp.Or(name, DefaultCookieName)
	return &Cookies{access: name + "_token", refresh: name + "_refresh", stream: name + "_stream", path: cmp.Or(basePath, "/")}
}

// DefaultCookieName is what the cookies' names begin with unless told otherwise.
const DefaultCookieName = "parley"

// CheckCookieName says why a name cannot begin those of the cookies, or "".
func CheckCookieName(name string) string {
	switch lower := strings.ToLower(name); {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isTokenRune(r) }):
		return "can hold letters, digits and !#$%&'*+-.^_`|~ alone"
	case strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-"):
		return "has a prefix that browsers reserve; over https parley adds __Host- itself"
	case len(name) > maxCookieName:
		return "is too long"
	}
	return ""
}

const maxCookieName = 64

// isTokenRune says that a cookie's name may hold r: RFC 6265 section 4.1.1, by RFC
// 9110 section 5.6.2.
func isTokenRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// Set puts the login's two tokens into cookies that no script can read and that
// live as long as the tokens.
func (k *Cookies) Set(c *gin.Context, login chat.Login) {
	k.set(c, k.access, login.Token, maxAge(login.ExpiresAt))
	k.set(c, k.refresh, login.RefreshToken, maxAge(login.RefreshExpiresAt))
}

// Clear makes the browser forget both cookies.
func (k *Cookies) Clear(c *gin.Context) {
	k.set(c, k.access, "", -1)
	k.set(c, k.refresh, "", -1)
}

// Refresh is the refresh token that came by cookie. A request with a header
// Authorization never has one.
func (k *Cookies) Refresh(r *http.Request) (string, bool) {
	if hasAuthorization(r) {
		return "", false
	}
	_, token := k.Tokens(r)
	return token, token != ""
}

// Count says that a cookie with a token, good or bad, came and counts.
func (k *Cookies) Count(r *http.Request) bool {
	access, refresh := k.Tokens(r)
	return !hasAuthorization(r) && (access != "" || refresh != "")
}

// Tokens are the tokens in the request's cookies, also beside a header
// Authorization, where they count for nothing but their own end.
func (k *Cookies) Tokens(r *http.Request) (access, refresh string) {
	return cookie(r, k.access), cookie(r, k.refresh)
}

// Stream is what the request's stream was given to come back with; empty where it was given
// nothing.
func (k *Cookies) Stream(r *http.Request) string {
	name := k.stream
	if isSecure(r) {
		name = securePrefix + name
	}
	if ck, err := r.Cookie(name); err == nil {
		return ck.Value
	}
	return ""
}

// SetStream keeps what the request's stream comes back with, for its path alone. Over https a
// page of another site may send it, even where the browser keeps the sites' cookies apart
// (CHIPS: Partitioned, of which Secure and SameSite=None are part).
func (k *Cookies) SetStream(c *gin.Context, value string, expires chat.Time) {
	ck := &http.Cookie{
		Name: k.stream, Value: value, Path: At(c, c.Request.URL.Path), MaxAge: maxAge(expires), HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	if isSecure(c.Request) {
		ck.Name = securePrefix + k.stream
		ck.Secure, ck.SameSite, ck.Partitioned = true, http.SameSiteNoneMode, true
	}
	http.SetCookie(c.Writer, ck)
}

// securePrefix stands before the name of a cookie that has a path of its own, and so cannot
// have hostPrefix.
const securePrefix = "__Secure-"

func (k *Cookies) set(c *gin.Context, name, value string, maxAge int) {
	path := k.path
	if isSecure(c.Request) {
		path = "/"
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name:     cookieName(c.Request, name),
		Value:    value,
		Path:     path,
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   isSecure(c.Request),
		SameSite: http.SameSiteLaxMode,
	})
}

// maxAge is in seconds, and not a date, so that a browser whose clock is wrong
// keeps the cookie as long as one whose clock is right.
func maxAge(expires chat.Time) int {
	return max(int(time.Until(expires.Time()).Round(time.Second)/time.Second), 1)
}

func cookie(r *http.Request, name string) string {
	ck, err := r.Cookie(cookieName(r, name))
	if err != nil {
		return ""
	}
	return ck.Value
}

func cookieName(r *http.Request, name string) string {
	if isSecure(r) {
		return hostPrefix + name
	}
	return name
}
