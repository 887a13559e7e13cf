package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What the pages of others may not do with somebody's cookie, and what his own may,
// is the same behind each proxy that says what it was asked.
func TestTheOwnPagesBehindEachProxyAreOwnAndOthersAreForeign(t *testing.T) {
	t.Parallel()
	p := serveBehind(t, "auto")
	ann := newPerson(t, p)
	for _, f := range proxied(t, p) {
		if f.bare {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			u := proxyUser{T: t, front: f, login: fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)}
			u.chat = "/chats/" + ann.at(p).makeChat()
			u.cookie = u.cookieFrom(u.want(http.StatusOK, "POST", "/login", u.login, "Origin", f.URL))

			hello := `{"text":"hello there"}`
			u.want(http.StatusCreated, "POST", u.chat+"/messages", hello, "Origin", f.URL)
			u.want(http.StatusOK, "GET", u.chat+"/stream", "", "Origin", f.URL)
			const foreign = "https://elsewhere.example"
			for _, claim := range [][]string{
				{"Origin", foreign},
				// A page cannot set these, but others can: nobody is believed but the proxy.
				{"Origin", foreign, "X-Forwarded-Host", "elsewhere.example"},
				{"Origin", foreign, "X-Forwarded-Host", "elsewhere.example", "X-Forwarded-Proto", "https"},
			} {
				u.wantForeign("POST", "/login", u.login, claim...)
				u.wantForeign("POST", u.chat+"/messages", hello, claim...)
				u.wantForeign("GET", u.chat+"/stream", "", claim...)
			}
			// Whoever comes through a proxy does not come from this machine.
			if got := u.ask("GET", "/metrics", "").StatusCode; got < 400 {
				t.Errorf("/metrics answers %d", got)
			}
		})
	}
}

// proxyUser speaks through a front as a browser does, which has a cookie.
type proxyUser struct {
	*testing.T
	front               *front
	login, chat, cookie string
}

func (u proxyUser) ask(method, path, body string, headers ...string) *http.Response {
	u.Helper()
	if u.cookie != "" {
		headers = append(headers, "Cookie", u.cookie)
	}
	response := u.front.do(u.Context(), u.T, method, path, body, headers...)
	u.Cleanup(func() { response.Body.Close() })
	return response
}

func (u proxyUser) want(status int, method, path, body string, headers ...string) *http.Response {
	u.Helper()
	response := u.ask(method, path, body, headers...)
	if response.StatusCode != status {
		u.Errorf("%s %s with %q is answered %s, want %d", method, path, headers, response.Status, status)
	}
	return response
}

func (u proxyUser) wantForeign(method, path, body string, headers ...string) {
	u.Helper()
	response := u.want(http.StatusForbidden, method, path, body, headers...)
	problem, err := io.ReadAll(response.Body)
	if err != nil {
		u.Fatal(err)
	}
	if !strings.Contains(string(problem), "foreign_origin") {
		u.Errorf("%s %s with %q is refused with %s", method, path, headers, problem)
	}
}

// cookieFrom takes the cookies that a login sets, and wants that they are as safe
// as the proxy's scheme allows, whatever the client says of it.
func (u proxyUser) cookieFrom(login *http.Response) (header string) {
	u.Helper()
	https := strings.HasPrefix(u.front.URL, "https:")
	set := func(response *http.Response) (pairs []string) {
		for _, cookie := range response.Cookies() {
			if cookie.Secure != https || strings.HasPrefix(cookie.Name, "__Host-") != https || !cookie.HttpOnly {
				u.Errorf("%s is set: secure %v, HttpOnly %v", cookie.Name, cookie.Secure, cookie.HttpOnly)
			}
			pairs = append(pairs, cookie.Name+"="+cookie.Value)
		}
		if len(pairs) != 2 {
			u.Errorf("a login sets %d cookies", len(pairs))
		}
		return pairs
	}
	claimed := map[bool]string{true: "http", false: "https"}[https]
	set(u.want(http.StatusOK, "POST", "/login", u.login, "Origin", u.front.URL, "X-Forwarded-Proto", claimed))
	return strings.Join(set(login), "; ")
}

// What is said of a bare nginx in docs/proxies, so that nobody takes it for enough.
func TestABareNginxTellsParleyNothingOfWhatItWasAsked(t *testing.T) {
	t.Parallel()
	p := serveBehind(t, "auto")
	ann := newPerson(t, p)
	u := proxyUser{T: t, front: bareNginx(t, p), login: fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)}
	u.wantForeign("POST", "/login", u.login, "Origin", u.front.URL)
	u.want(http.StatusOK, "POST", "/login", u.login, "Origin", u.front.URL, "Sec-Fetch-Site", "same-origin")
	u.want(http.StatusOK, "GET", "/metrics", "")
}
