package server_test

import (
	"bytes"
	"strings"
	"testing"
)

func TestUnderABasePathEveryAddressHasIt(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.BasePath = "/chat/" })
	root := h.url
	var welcome bytes.Buffer
	h.srv.Welcome(&welcome)
	if got := strings.Count(welcome.String(), strings.TrimPrefix(root, "http://")+"/chat"); got != 6 {
		t.Errorf("%d of 6 addresses in:\n%s", got, welcome.String())
	}
	h.url += "/chat"
	ann := h.user("ann")
	is := func(a answer, name, want string) {
		t.Helper()
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", a.asked, name, got, want)
		}
	}
	as := with(ann, "Content-Type", asJSON)
	is(h.do("POST", "/chats", `{"id":"den"}`, as...).want(201), "Location", "/chat/chats/den")
	h.chat("lobby", ann)
	posted := h.do("POST", "/messages", `{"chat":"den","text":"one"}`, as...).want(201)
	h.say("den", "two", ann)
	where, _ := strings.CutPrefix(posted.header.Get("Location"), "/chat")
	h.do("GET", where, "", ann...).want(200)
	is(h.do("GET", "/chats?limit=1", "", ann...).want(200), "Link", `</chat/chats?after=den&limit=1>; rel="next"`)
	history := h.do("GET", "/chats/den/messages?limit=1", "", ann...).want(200)
	if link := history.header.Get("Link"); !strings.HasPrefix(link, "</chat/chats/den/messages?") {
		t.Errorf("Link is %q", link)
	}
	for path, status := range map[string]int{"/nowhere": 404, "/chats/l%C3%B6bby": 404} {
		a := h.do("GET", path, "", ann...).refused(status, "not_found")
		if !strings.Contains(a.body, `"instance":"/chat`+path+`"`) || !strings.Contains(a.body, `"type":"/problems/not_found"`) {
			t.Errorf("%s", a.body)
		}
	}
	for _, path := range []string{"/", "/assets/app.js", "/healthz", "/readyz", "/metrics"} {
		h.do("GET", path, "").want(200)
	}
	is(h.do("GET", "", "").want(308), "Location", "/chat/")
	h.do("POST", "", "", ann...).want(404)
	h.follow("/stream", ann...).until("event: ready")
	h.follow("/chats/den/stream?after=earliest", ann...).until(`"text":"two"`)

	// A neighbour's path begins with the same letters, and so does a chat's at the root.
	h.do("POST", "/stream-tickets", `{"path":"/chat/chats/den/stream"}`, as...).want(201)
	h.url = root
	h.do("POST", "/stream-tickets", `{"path":"/chats/den/stream"}`, as...).want(201)
	h.do("GET", "/chatter/healthz", "").want(404)
	h.do("GET", "/healthz", "").want(200)
}

func TestUnderABasePathCookiesAreOfItsPathUnlessTheirPrefixForbidsIt(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.BasePath, s.TrustedProxies, s.Signup = "/chat", "127.0.0.1", "open" })
	h.url += "/chat"
	h.user("ann")
	for scheme, path := range map[string]string{"http": "/chat", "https": "/"} {
		by := []string{"X-Forwarded-Proto", scheme, "X-Forwarded-Host", "chat.example"}
		login := h.do("POST", "/login", "cookie=true&username=ann&password="+password, with(by, "Content-Type", asForm)...).want(200)
		jar := with(by, "Cookie", login.cookieHeader())
		h.do("GET", "/me", "", jar...).want(200)
		for _, a := range []answer{login, h.do("POST", "/logout", "", jar...).want(204)} {
			for _, ck := range a.cookies() {
				if ck.Path != path || strings.HasPrefix(ck.Name, "__Host-") != (scheme == "https") {
					t.Errorf("%s over %s: %v", a.asked, scheme, ck)
				}
			}
		}
	}
}
