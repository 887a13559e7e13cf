package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// prefixedNginx keeps the path under which parley is mounted.
func prefixedNginx(t testing.TB, p *process) *front {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(port(t))
	ended := runNginx(t, "gzip_types *;", shipped(t, "nginx-prefix.conf",
		"listen 80;", "listen "+listen+";",
		"127.0.0.1:8080", p.Addr(),
		"proxy_read_timeout 60s;", "proxy_read_timeout "+idleLimit+";"))
	return newFront(t, ended, front{name: "nginx under a path", URL: "http://" + listen + "/chat", transport: transport})
}

func TestBehindAProxyThatKeepsThePathEverythingIsUnderIt(t *testing.T) {
	t.Parallel()
	for _, way := range streamWays {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			p := serveBehind(t, way, "--base-path", "/chat")
			ann, f := newPerson(t, p), prefixedNginx(t, p)

			r := proxyReader{T: t, front: f, writer: f.person(t, ann)}
			r.chatID, r.token = r.writer.makeChat(), ann.login(p).Token
			r.isGivenNothingCoded()
			r.isShownTheFirstFrameAtOnce()
			r.goesOnWhereItWas()

			own := strings.TrimSuffix(f.URL, "/chat")
			u := proxyUser{T: t, front: f, login: fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)}
			login := u.want(http.StatusOK, "POST", "/login", u.login, "Origin", own)
			for _, cookie := range login.Cookies() {
				if cookie.Path != "/chat" {
					t.Errorf("%s is of the path %s", cookie.Name, cookie.Path)
				}
				u.cookie += cookie.Name + "=" + cookie.Value + "; "
			}
			made := u.want(http.StatusCreated, "POST", "/chats", "{}", "Origin", own)
			read := *u.front
			read.URL = own // Location is the whole path
			u.front = &read
			u.want(http.StatusOK, "GET", made.Header.Get("Location"), "")
			if got := u.want(http.StatusMovedPermanently, "GET", "/chat", "").Header.Get("Location"); !strings.HasSuffix(got, "/chat/") {
				t.Errorf("/chat leads to %s", got)
			}
			u.want(http.StatusNotFound, "GET", "/chatter/healthz", "")
		})
	}
}

func TestThePageWorksUnderABasePath(t *testing.T) {
	t.Parallel()
	server := serve(t, "--base-path", "/chat")
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.openChat("lobby")
	ann.post("hello from below")
	ann.awaitMessages(1)
	ann.reload()
	ann.openChat("lobby")
	ann.awaitMessages(1)
}
