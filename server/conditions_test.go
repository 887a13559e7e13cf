package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Whose reactions are "mine" is the caller's own, and the tag is everybody's.
func TestAMessageIsKeptForItsCallerAlone(t *testing.T) {
	t.Parallel()
	const listed = "https://listed.example"
	h := open(t, func(s *settings) { s.Origins = listed })
	ann := h.user("ann")
	h.chat("den", ann)
	var m message
	h.say("den", "hello", ann).into(&m)
	at := fmt.Sprint("/messages/", m.ID)
	tag := h.do("PUT", at+"/reactions/"+url.PathEscape(thumb), "", ann...).want(200).header.Get("ETag")
	for _, a := range []answer{
		h.do("GET", at, "", ann...).want(200),
		h.do("HEAD", at, "", ann...).want(200),
		h.do("GET", at, "", with(ann, "If-None-Match", tag)...).want(304),
		h.do("GET", at, "", with(ann, "Origin", listed)...).want(200),
	} {
		vary := strings.Join(a.header.Values("Vary"), ", ")
		if !strings.HasSuffix(vary, "Authorization, Cookie") || !strings.HasPrefix(vary, "Origin, ") {
			t.Errorf("%s %d: Vary: %s", a.asked, a.status, vary)
		}
	}
}
