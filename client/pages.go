package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// errCircle is the error of a list whose link to the next page leads to the page
// that names it.
var errCircle = errors.New("the next page is this one")

// pages asks for a list page by page: the first by query, each other by the link of
// the one before it. How long a page is tells nothing about whether it is the last.
// An error is the last pair.
func pages[Page any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for asked := query; ; {
			var page Page
			h, err := c.call(ctx, request{method: http.MethodGet, path: path, query: asked}, &page)
			if !yield(page, err) || err != nil {
				return
			}
			next, more := links(h)["next"]
			if !more {
				return
			}
			if next.Encode() == asked.Encode() {
				yield(page, errCircle)
				return
			}
			asked = next
		}
	}
}

// links reads the Link header (RFC 8288): the queries of the neighbouring pages by
// the relation that each has to this one. The path of a link is not followed: a
// proxy may have taken a prefix from it.
func links(h http.Header) map[string]url.Values {
	found := make(map[string]url.Values)
	for _, line := range h.Values("Link") {
		for rest := line; ; {
			_, link, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			link, rest, _ = strings.Cut(link, ">")
			parameters, _, _ := strings.Cut(rest, "<")
			if u, err := url.Parse(link); err == nil {
				found[relation(parameters)] = u.Query()
			}
		}
	}
	return found
}

// relation is the parameter rel of a link; empty where it has none.
func relation(parameters string) string {
	for parameter := range strings.FieldsFuncSeq(parameters, func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "rel") {
			return strings.ToLower(strings.Trim(value, `"`))
		}
	}
	return ""
}
