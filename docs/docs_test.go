package docs

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(at string, header http.Header) *http.Response {
	r := httptest.NewRequest("GET", at, nil)
	r.Header = header
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestEachDocumentIsServedOnceUntilItChanges(t *testing.T) {
	kinds := map[string]string{"/docs": "text/html; charset=utf-8", "/openapi.yaml": "application/yaml"}
	for _, at := range Routes() {
		res := get(at, http.Header{})
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kinds[at] || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("GET %s: %s, %v", at, res.Status, res.Header)
		}
		etag := res.Header.Get("ETag")
		if again := get(at, http.Header{"If-None-Match": {etag}}); again.StatusCode != 304 {
			t.Errorf("GET %s with its own ETag %q: %s", at, etag, again.Status)
		}
	}
	if len(Routes()) != len(served) {
		t.Errorf("%d routes for %d documents", len(Routes()), len(served))
	}
	if res := get("/reference.html", http.Header{}); res.StatusCode != 404 {
		t.Errorf("another path: %s", res.Status)
	}
}

func TestThePageMayLoadNothingButItsStyleAndTheIcon(t *testing.T) {
	policy := get("/docs", http.Header{}).Header.Get("Content-Security-Policy")
	if !regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`).MatchString(policy) {
		t.Errorf("policy %q", policy)
	}
	for what, find := range map[string]string{
		"a second style": `(?s)<style.*<style`, "a style attribute": `\sstyle\s*=`, "a handler": `\son[a-z]+\s*=`, "a script": `(?i)<script|javascript:`, "a base": `<base\b`,
		"an address": `(?:href|src)="(?:[a-z]+:|/)`,
	} {
		if found := regexp.MustCompile(find).FindString(string(page)); found != "" {
			t.Errorf("the page has %s: %q", what, found)
		}
	}
	if strings.Count(string(page), "<h1>") != 1 || !strings.Contains(string(page), `<html lang="en">`) {
		t.Error("the page has no title, or no language")
	}
}
