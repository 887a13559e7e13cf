// Package embedded serves the files that the program carries.
package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"time"
)

// File is a file as it is served.
type File struct {
	// Content is for reading.
	Content []byte
	// Type is said here because the machine's own table, which package mime would ask, may
	// call a script something that a browser, which is told to guess at no type, then refuses.
	Type string
	// Policy is the content security policy.
	Policy string
	// Public says that pages of other origins may load the file.
	Public bool
}

// Files are files by their paths.
type Files map[string]File

// Paths lists them in order.
func (fs Files) Paths() []string { return slices.Sorted(maps.Keys(fs)) }

// Handler serves the files at their paths, by GET and HEAD.
//
// A browser may keep a file but has to ask every time whether it is still the
// one, so that an upgrade of the program is seen at the next load and files of
// two versions do not mix.
func (fs Files) Handler() http.Handler {
	etags := make(map[string]string, len(fs))
	for path, f := range fs {
		sum := sha256.Sum256(f.Content)
		etags[path] = `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := fs[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.Type)
		h.Set("ETag", etags[r.URL.Path])
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", f.Policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if f.Public {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		// These files are short. A part of one that is not there, and a condition that does not hold,
		// would be answered without a problem document; a range may be ignored (RFC 9110 section
		// 14.2), and so may these conditions, because nothing is changed (section 13.2.1).
		for _, name := range []string{"Range", "If-Match", "If-Unmodified-Since"} {
			r.Header.Del(name)
		}
		http.ServeContent(whole{w}, r, "", time.Time{}, bytes.NewReader(f.Content))
	})
}

// whole is for answers that have no ranges, of which net/http says that they do.
type whole struct{ http.ResponseWriter }

func (w whole) WriteHeader(status int) {
	w.Header().Del("Accept-Ranges")
	w.ResponseWriter.WriteHeader(status)
}
