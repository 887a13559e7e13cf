package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"parley/chat"
)

// firstPage is the query of a list's first page.
func firstPage(query url.Values) url.Values {
	first := url.Values{"limit": {strconv.Itoa(chat.MaxList)}}
	for name, values := range query {
		first[name] = values
	}
	return first
}

// page reads a page of a list. Where there is more, query becomes that of the next page.
func (c *Client) page(ctx context.Context, path string, query url.Values, page any) (more bool, err error) {
	h, err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, page)
	if err != nil {
		return false, err
	}
	after, more := nextAfter(h)
	query.Set("after", after)
	return more, nil
}

// nextAfter is where the page begins that Link names as the next one.
func nextAfter(h http.Header) (after string, more bool) {
	for link := range links(h) {
		if after = link.Query().Get("after"); after != "" {
			return after, true
		}
	}
	return "", false
}
