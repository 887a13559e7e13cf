package middleware

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

// The cookies' names over plain http. Over https they carry hostPrefix, with
// which a browser takes them only from this very host over https (RFC 6265bis
// section 4.1.3), and are read under no other name: a neighbour's subdomain
// could have set that.
const (
	tokenCookie   = "parley_token"
	refreshCookie = "parley_refresh"
	hostPrefix    = "__Host-"
)

// SetCookies puts the login's two tokens into cookies that no script can read
// and that live as long as the tokens.
func SetCookies(c *gin.Context, login chat.Login) {
	setCookie(c, tokenCookie, login.Token, maxAge(login.ExpiresAt))
	setCookie(c, refreshCookie, login.RefreshToken, maxAge(login.RefreshExpiresAt))
}

// ClearCookies makes the browser forget both cookies.
func ClearCookies(c *gin.Context) {
	setCookie(c, tokenCookie, "", -1)
	setCookie(c, refreshCookie, "", -1)
}

// RefreshCookie is the refresh token that came by cookie. A request with a
// header Authorization never has one.
func RefreshCookie(c *gin.Context) (string, bool) {
	if hasAuthorization(c.Request) {
		return "", false
	}
	_, token := CookiesOf(c.Request)
	return token, token != ""
}

// CarriesCookie says that a cookie with a token, good or bad, came and counts.
func CarriesCookie(r *http.Request) bool {
	access, refresh := CookiesOf(r)
	return !hasAuthorization(r) && (access != "" || refresh != "")
}

// CookiesOf are the tokens in the request's cookies, also beside a header
// Authorization, where they count for nothing but their own end.
func CookiesOf(r *http.Request) (access, refresh string) {
	return cookie(r, tokenCookie), cookie(r, refreshCookie)
}

func setCookie(c *gin.Context, name, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name:     cookieName(c.Request, name),
		Value:    value,
		Path:     "/",
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
