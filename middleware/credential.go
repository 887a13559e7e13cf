package middleware

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// tokenParameters are the names under which a token is known to be put into a
// URL.
var tokenParameters = []string{"token", "access_token", "jwt", "refresh_token"}

// NoTokenInURL refuses every request with a token in its query, whether or not
// its route needs one: it stands in the logs of everything between the client
// and here already, and only a refusal makes somebody notice.
func NoTokenInURL() gin.HandlerFunc {
	return func(c *gin.Context) {
		if hasTokenInURL(c.Request.URL.RawQuery) {
			WriteProblem(c, ErrTokenInURL)
		}
	}
}

// hasTokenInURL reads the query itself, because url.ParseQuery leaves out what it
// cannot read, and a token there is in the logs all the same.
func hasTokenInURL(query string) bool {
	for query != "" {
		var pair string
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			pair, query = query, ""
		}
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		for _, parameter := range tokenParameters {
			if strings.EqualFold(name, parameter) {
				return true
			}
		}
	}
	return false
}

// credential is where a request's access token came from.
type credential struct {
	token    string
	byCookie bool
}

// credentialOf finds the request's access token. The header Authorization
// decides alone where there is one, good or bad: a request with a credential of
// its own must not be taken for the browser's user. [ErrUnauthenticated] where there is
// none, [ErrInvalidToken] where there are several.
func (k *Cookies) credentialOf(r *http.Request) (credential, error) {
	if hasAuthorization(r) {
		token, err := BearerOf(r)
		return credential{token: token}, err
	}
	if token, _ := k.Tokens(r); token != "" {
		return credential{token: token, byCookie: true}, nil
	}
	return credential{}, ErrUnauthenticated
}

func hasAuthorization(r *http.Request) bool {
	_, has := r.Header["Authorization"]
	return has
}

// BearerOf reads the header Authorization by RFC 6750 section 2.1, with the
// scheme in any case (RFC 9110 section 11.1). Another scheme is no credential
// that is known here. What form the token has is for its verification.
// [ErrUnauthenticated] where there is none, [ErrInvalidToken] where there are several.
func BearerOf(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	switch len(values) {
	case 0:
		return "", ErrUnauthenticated
	case 1:
	default:
		return "", ErrInvalidToken
	}
	scheme, token, _ := strings.Cut(strings.Trim(values[0], " \t"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrUnauthenticated
	}
	return strings.TrimLeft(token, " "), nil
}
