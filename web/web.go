// Package web is the chat page: what a browser needs to take part in chats,
// embedded in the program. It also serves the client that the page stands on.
//
// The page talks to the service by its public HTTP contract alone, from the same
// origin, and loads nothing from anywhere else. Its addresses are relative, so it
// works under any path at which [Handler] is mounted.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"time"

	"parley/clients/js"
)

//go:embed index.html assets
var files embed.FS

// policy lets the page load its own files and call its own service, and nothing
// more. Trusted types make the browser refuse every way of turning a string into
// markup or script, so that a text can only ever be shown as text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// file is one of the page's files, ready to be sent.
type file struct {
	content     []byte
	contentType string
	etag        string
	// public says that pages of other origins may load the file.
	public bool
}

var served = load()

// Routes lists the paths that [Handler] serves, "/" first. Each takes GET and
// HEAD.
func Routes() []string {
	paths := make([]string, 0, len(served))
	for p := range served {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// Handler serves the page at "/" and its files at the other paths of [Routes].
//
// A browser may keep a file but has to ask every time whether it is still the
// one, so that an upgrade of the program is seen at the next load and files of
// two versions do not mix.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("ETag", f.etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if f.public {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		} else {
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

// contentTypes are said here because the machine's own table, which package mime
// would ask, may call a script something that a browser, which is told to guess at
// no type, then refuses.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".ts":   "text/plain; charset=utf-8",
}

// load reads what is embedded. It panics where a file is of a kind that it does
// not know, which is a mistake made at build time.
func load() map[string]file {
	found := map[string]file{
		"/client.js":   newFile("client.js", js.Client),
		"/client.d.ts": newFile("client.d.ts", js.Types),
	}
	for at, f := range found {
		f.public = true
		found[at] = f
	}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		at := "/" + name
		if name == "index.html" {
			at = "/"
		}
		found[at] = newFile(name, content)
		return nil
	})
	if err != nil {
		panic("web: " + err.Error())
	}
	return found
}

func newFile(name string, content []byte) file {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic("web: no content type for " + name)
	}
	sum := sha256.Sum256(content)
	return file{
		content:     content,
		contentType: contentType,
		etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`,
	}
}
