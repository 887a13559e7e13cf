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

func TestConditionsAreReadAsHTTPSays(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("den", ann)
	var m message
	posted := h.say("den", "hello", ann)
	posted.into(&m)
	at, tag := fmt.Sprint("/messages/", m.ID), posted.header.Get("ETag")
	padded := `"0` + tag[1:]
	for _, row := range []struct {
		headers     []string
		read, write int
	}{
		{[]string{"If-Match", tag}, 200, 200},
		{[]string{"If-Match", `"1"`, "If-Match", tag}, 200, 200},
		{[]string{"If-Match", " * "}, 200, 200},
		{[]string{"If-Match", `"1"`}, 412, 412},
		{[]string{"If-Match", `"1", *`}, 412, 412},
		{[]string{"If-Match", `"1"`, "If-Match", "*"}, 412, 412},
		{[]string{"If-Match", padded}, 412, 412},
		{[]string{"If-Match", "W/" + tag}, 412, 412},
		{[]string{"If-Match", ""}, 412, 412},
		{[]string{"If-None-Match", tag}, 304, 412},
		{[]string{"If-None-Match", "W/" + tag}, 304, 412},
		{[]string{"If-None-Match", `"1"`, "If-None-Match", tag}, 304, 412},
		{[]string{"If-None-Match", "*"}, 304, 412},
		{[]string{"If-None-Match", `"1", *`}, 200, 200},
		{[]string{"If-None-Match", padded}, 200, 200},
		{[]string{"If-Match", tag, "If-None-Match", tag}, 304, 412},
		{[]string{"If-Match", `"1"`, "If-None-Match", tag}, 412, 412},
	} {
		// The text stays as it is, so that the tag does as well.
		edit := h.do("PATCH", at, `{"text":"hello"}`, with(with(ann, row.headers...), "Content-Type", asJSON)...)
		read := h.do("GET", at, "", with(ann, row.headers...)...)
		if edit.status != row.write || read.status != row.read {
			t.Errorf("%q: read %d and edited %d, want %d and %d", row.headers, read.status, edit.status, row.read, row.write)
		}
	}
	h.do("DELETE", at, "", with(ann, "If-None-Match", "*")...).refused(412, "precondition_failed")
	h.do("DELETE", at, "", with(ann, "If-None-Match", `"1"`)...).want(204)
	h.do("PATCH", "/messages/999", `{"text":"x"}`, with(ann, "If-None-Match", "*", "Content-Type", asJSON)...).refused(404, "not_found")
}
