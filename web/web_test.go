package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, method, at string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, at, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestEveryFileIsGuardedByTheBrowser(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, at := range Routes() {
		res := get(t, http.MethodGet, at, nil)
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", at, res.Status)
		}
		for name, value := range want {
			if name == "Cross-Origin-Resource-Policy" && served[at].Public {
				value = "cross-origin"
			}
			if got := res.Header.Get(name); got != value {
				t.Errorf("GET %s: %s: %q, want %q", at, name, got, value)
			}
		}
	}
}

func TestEveryFileIsOfItsKind(t *testing.T) {
	kinds := map[string]string{
		"":     "text/html; charset=utf-8",
		".js":  "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml",
		".ts":  "text/plain; charset=utf-8",
	}
	for _, at := range Routes() {
		if got, want := get(t, http.MethodGet, at, nil).Header.Get("Content-Type"), kinds[path.Ext(at)]; got != want {
			t.Errorf("GET %s is %q, want %q", at, got, want)
		}
	}
}

func TestPagesOfOtherOriginsMayLoadTheClientAlone(t *testing.T) {
	for _, at := range Routes() {
		want := ""
		if strings.HasPrefix(at, "/client.") {
			want = "*"
		}
		if got := get(t, http.MethodGet, at, nil).Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("GET %s: Access-Control-Allow-Origin %q, want %q", at, got, want)
		}
	}
}

// compressed is how long an answer's body is once a proxy has compressed it.
func compressed(t *testing.T, at string) int {
	t.Helper()
	var size bytes.Buffer
	w, err := gzip.NewWriterLevel(&size, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, get(t, http.MethodGet, at, nil).Body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return size.Len()
}

func TestTheClientAndTheFirstViewAreSmall(t *testing.T) {
	if size := compressed(t, "/client.js"); size >= 6<<10 {
		t.Errorf("the client has %d bytes, compressed", size)
	}
	sum := 0
	for _, at := range Routes() {
		if at != "/client.d.ts" {
			sum += compressed(t, at)
		}
	}
	t.Logf("the page has %d bytes, compressed", sum)
	if sum >= 120<<10 {
		t.Errorf("the page has %d bytes, compressed", sum)
	}
}

func TestAFileIsKeptOnlyWhileItIsTheOne(t *testing.T) {
	for _, at := range Routes() {
		res := get(t, http.MethodGet, at, nil)
		if got := res.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q, want no-cache", at, got)
		}
		etag := res.Header.Get("ETag")
		if again := get(t, http.MethodGet, at, http.Header{"If-None-Match": {etag}}); again.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s with its own ETag %s: %s, want 304", at, etag, again.Status)
		}
		if other := get(t, http.MethodGet, at, http.Header{"If-None-Match": {`"an older one"`}}); other.StatusCode != http.StatusOK {
			t.Errorf("GET %s with another ETag: %s, want 200", at, other.Status)
		}
	}
}

func TestRangesAndConditionsOfChangesAreAnsweredWithTheWholeFile(t *testing.T) {
	for _, asked := range []http.Header{
		{"Range": {"bytes=0-9"}},
		{"Range": {"bytes=99999999-"}},
		{"If-Match": {`"another"`}},
		{"If-Unmodified-Since": {"Thu, 01 Jan 1970 00:00:00 GMT"}},
	} {
		res := get(t, http.MethodGet, "/", asked)
		if res.StatusCode != http.StatusOK || res.Header.Get("Accept-Ranges") != "" {
			t.Errorf("%v is answered %s, Accept-Ranges %q", asked, res.Status, res.Header.Get("Accept-Ranges"))
		}
	}
}

func TestHeadAnswersWithoutABody(t *testing.T) {
	res := get(t, http.MethodHead, "/", nil)
	if res.StatusCode != http.StatusOK || res.ContentLength <= 0 {
		t.Errorf("HEAD /: %s of %d bytes", res.Status, res.ContentLength)
	}
	if n, _ := res.Body.Read(make([]byte, 1)); n != 0 {
		t.Error("HEAD / has a body")
	}
}

func TestNothingButTheRoutesIsServed(t *testing.T) {
	for _, at := range []string{"/index.html", "/assets", "/assets/", "/assets/none.js", "/web.go"} {
		if res := get(t, http.MethodGet, at, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %s, want 404", at, res.Status)
		}
	}
}

// references finds what a file names of the others, by the file's ending.
var references = map[string]*regexp.Regexp{
	"":     regexp.MustCompile(`<(?:link|script|img)\b[^>]*?\b(?:href|src)="([^"]*)"`),
	".js":  regexp.MustCompile(`(?m)(?:^(?:import|export)\b.*?\bfrom |@ts-self-types=)"([^"]*)"`),
	".css": regexp.MustCompile(`(?:url\(|@import)\s*["']?([^"')\s]*)`),
}

func TestTheFilesNameOneAnotherAndNothingElse(t *testing.T) {
	named := map[string]bool{"/": true}
	for at, f := range served {
		find := references[path.Ext(at)]
		if find == nil {
			continue
		}
		for _, found := range find.FindAllStringSubmatch(string(f.Content), -1) {
			if strings.HasPrefix(found[1], "/") {
				t.Errorf("%s names %q, which is another file below a base path", at, found[1])
			}
			to := path.Join(path.Dir(at), found[1])
			if _, ok := served[to]; !ok {
				t.Errorf("%s names %q, which is not served", at, found[1])
			}
			named[to] = true
		}
	}
	for _, at := range Routes() {
		if !named[at] {
			t.Errorf("nobody names %s", at)
		}
	}
}

func TestNoFileNamesAnotherHost(t *testing.T) {
	address := regexp.MustCompile(`(?i)\b(?:https?|wss?):|["'(]//`)
	for at, f := range served {
		text := strings.ReplaceAll(string(f.Content), `xmlns="http://www.w3.org/2000/svg"`, "")
		if found := address.FindString(text); found != "" {
			t.Errorf("%s holds %q", at, found)
		}
	}
}

// What the policy forbids does not stand in the page, where it would only break.
func TestThePageHasNoScriptOrStyleOfItsOwn(t *testing.T) {
	page := string(served["/"].Content)
	for what, find := range map[string]string{
		"a style element":   `<style\b`,
		"a style attribute": `\sstyle\s*=`,
		"a handler":         `\son[a-z]+\s*=`,
		"a script address":  `javascript:`,
		"an inline script":  `<script\b[^>]*>\s*[^<\s]`,
		"a base":            `<base\b`,
	} {
		if found := regexp.MustCompile(find).FindString(page); found != "" {
			t.Errorf("the page has %s: %q", what, found)
		}
	}
}

// The identifiers of the page are its interface for the scripts and for tests.
func TestEveryIdIsThereOnceAndEveryScriptFindsIts(t *testing.T) {
	page := string(served["/"].Content)
	var ids []string
	for _, found := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if slices.Contains(ids, found[1]) {
			t.Errorf("id %q stands twice", found[1])
		}
		ids = append(ids, found[1])
	}
	for _, found := range regexp.MustCompile(`\s(?:for|aria-labelledby|aria-describedby)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(ids, found[1]) {
			t.Errorf("the page points to #%s, which is not there", found[1])
		}
	}
	asked := regexp.MustCompile(`byId\("([^"]*)"\)`)
	for at, f := range served {
		for _, found := range asked.FindAllStringSubmatch(string(f.Content), -1) {
			if !slices.Contains(ids, found[1]) {
				t.Errorf("%s asks for #%s, which is not there", at, found[1])
			}
		}
	}
}
