// Package web is the chat page: what a browser needs to take part in chats,
// embedded in the program. It also serves the client that the page stands on.
//
// The page talks to the service by its public HTTP contract alone, from the same
// origin, and loads nothing from anywhere else. Its addresses are relative, so it
// works under any path at which [Handler] is mounted.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"

	"parley/clients/js"
	"parley/embedded"
)

//go:embed index.html assets
var files embed.FS

// policy lets the page load its own files and call its own service, and nothing
// more. Trusted types make the browser refuse every way of turning a string into
// markup or script, so that a text can only ever be shown as text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

var served = load()

// Routes lists the paths that [Handler] serves, "/" first. Each takes GET and
// HEAD.
func Routes() []string { return served.Paths() }

// Handler serves the page at "/" and its files at the other paths of [Routes].
func Handler() http.Handler { return served.Handler() }

// contentTypes are those of the kinds of files that there are.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".ts":   "text/plain; charset=utf-8",
}

// load reads what is embedded. It panics where a file is of a kind that it does
// not know, which is a mistake made at build time.
func load() embedded.Files {
	found := embedded.Files{
		"/client.js":   newFile("client.js", js.Client, true),
		"/client.d.ts": newFile("client.d.ts", js.Types, true),
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
		found[at] = newFile(name, content, false)
		return nil
	})
	if err != nil {
		panic("web: " + err.Error())
	}
	return found
}

func newFile(name string, content []byte, public bool) embedded.File {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic("web: no content type for " + name)
	}
	return embedded.File{Content: content, Type: contentType, Policy: policy, Public: public}
}
