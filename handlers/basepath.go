package handlers

import (
	"net/http"
	"strings"
)

// mountAt lets h answer under the path base as well as at the root, and sends a browser
// that leaves out the last slash to the page. The root stays for probes, and for a
// proxy that takes the prefix away; every address in an answer has the prefix.
func mountAt(base string, h http.Handler) http.Handler {
	if base == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, under := strings.CutPrefix(r.URL.Path, base)
		switch {
		case under && path == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			w.Header().Set("Location", base+"/")
			w.WriteHeader(http.StatusPermanentRedirect)
		case under && strings.HasPrefix(path, "/"):
			h.ServeHTTP(w, withPath(r, path, base))
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// withoutBase is a path that may be under base, as it is at the root.
func withoutBase(path, base string) string {
	if inner, under := strings.CutPrefix(path, base); under && strings.HasPrefix(inner, "/") {
		return inner
	}
	return path
}

// withPath is the request for a path without its prefix. How the client had encoded
// the path is kept where the prefix stands in it as it is.
func withPath(r *http.Request, path, prefix string) *http.Request {
	u := *r.URL
	u.Path = path
	u.RawPath, _ = strings.CutPrefix(u.RawPath, prefix)
	inner := *r
	inner.URL = &u
	return &inner
}
