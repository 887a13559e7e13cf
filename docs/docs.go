// Package docs is what the service says of itself: the description of its HTTP interface,
// openapi.yaml, and the same as a page, embedded in the program.
//
// The page needs no script, and loads nothing from anywhere.
package docs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"time"
)

// OpenAPI is the description. It is for reading.
//
//go:embed openapi.yaml
var OpenAPI []byte

// The page is made of the description by the program in the folder reference.
//
//go:generate go run ./reference

//go:embed reference.html
var page []byte

// document is what is served at a path.
type document struct {
	content           []byte
	contentType, etag string
}

var served = map[string]document{
	"/openapi.yaml": newDocument(OpenAPI, "application/yaml"),
	"/docs":         newDocument(page, "text/html; charset=utf-8"),
}

func newDocument(content []byte, contentType string) document {
	sum := sha256.Sum256(content)
	return document{content, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`}
}

// Routes are the paths that [Handler] serves. Each takes GET and HEAD.
func Routes() []string { return []string{"/docs", "/openapi.yaml"} }

// policy lets the page have its one style sheet, which stands in it, and the service's icon.
var policy = "default-src 'none'; style-src '" + hashOfStyle(page) + "'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// hashOfStyle is the source expression (CSP, section 2.3.1) that allows the style element of a page.
func hashOfStyle(page []byte) string {
	_, style, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Handler serves the description and its page. A browser asks every time whether what it
// keeps is still the same.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", d.contentType)
		h.Set("ETag", d.etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.content))
	})
}
