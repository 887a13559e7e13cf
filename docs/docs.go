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

	"parley/embedded"
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

var served = embedded.Files{
	"/openapi.yaml": {Content: OpenAPI, Type: "application/yaml", Policy: policy},
	"/docs":         {Content: page, Type: "text/html; charset=utf-8", Policy: policy},
}

// Routes are the paths that [Handler] serves. Each takes GET and HEAD.
func Routes() []string { return served.Paths() }

// Handler serves the description and its page.
func Handler() http.Handler { return served.Handler() }

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
