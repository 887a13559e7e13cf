package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// otherSite is a site of its own, by a name of this machine that is not the one by which
// parley is asked; and a third one, which sets a cookie and tells what it was sent.
func otherSite(t *testing.T) (page, third string) {
	t.Helper()
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		header.Set("Access-Control-Allow-Credentials", "true")
		switch r.URL.Path {
		case "/set":
			http.SetCookie(w, &http.Cookie{Name: "third", Value: "of-a-third-party", Path: "/", SameSite: http.SameSiteNoneMode, Secure: true})
		case "/sent":
			_, _ = io.WriteString(w, r.Header.Get("Cookie"))
		default:
			header.Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><title>another site</title>")
		}
	}))
	t.Cleanup(site.Close)
	return strings.Replace(site.URL, "127.0.0.1", "localhost", 1), site.URL
}

// The browser keeps the cookies of other sites from the page, as browsers do by default or
// will; what it has for coming back is a partitioned one.
func TestAPageOfAnotherSiteStreamsByATicketAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	page, third := otherSite(t)
	cert, key := certificateFiles(t)
	server := serve(t, "--tls-cert", cert, "--tls-key", key, "--origins", page)
	ann := browse(t, "ann", "about:blank", "test-third-party-cookie-phaseout")
	ann.trust()
	ann.do("opening the other site", chromedp.Navigate(page))
	value[bool](ann, fmt.Sprintf(`
		window.ask = async (method, path, body) => {
			const headers = { "Content-Type": "application/json" };
			if (window.token) headers.Authorization = "Bearer " + token;
			const answer = await fetch(%q + path, { method, headers, body: JSON.stringify(body) });
			return answer.json();
		};
		(async () => {
			await fetch(%q + "/set", { credentials: "include" });
			window.sent = await (await fetch(%q + "/sent", { credentials: "include" })).text();
			const who = { username: "ann", password: %q };
			await ask("POST", "/users", who);
			window.token = (await ask("POST", "/login", who)).token;
			await ask("POST", "/chats", { id: "lobby" });
			window.ticket = (await ask("POST", "/stream-tickets", { path: "/chats/lobby/stream" })).ticket;
			window.opened = 0, window.heard = [];
			window.source = new EventSource(%q + "/chats/lobby/stream?ticket=" + ticket, { withCredentials: true });
			source.addEventListener("ready", () => opened++);
			source.onmessage = (e) => heard.push(JSON.parse(e.data).text);
		})();
		true`, server.URL, third, third, newPassword(), server.URL))
	ann.await("the stream is open", `window.opened === 1`)
	secrets.add("a ticket", value[string](ann, `ticket`))
	secrets.add("a token", value[string](ann, `token`))
	if sent := value[string](ann, `sent`); sent != "" {
		t.Errorf("the browser does not keep the cookies of other sites apart: it sent %q", sent)
	}
	say := func(text string) {
		secrets.add("a text", text)
		value[bool](ann, fmt.Sprintf(`ask("POST", "/messages", { chat: "lobby", text: %q }); true`, text))
	}
	say("before-the-restart")
	ann.await("the page hears it", `heard.length === 1`)

	server.Kill()
	server.Restart()
	ann.await("the browser came back by itself", `opened === 2`)
	say("behind-the-restart")
	ann.await("the page hears that", `heard.length === 2`)
	if got := value[string](ann, `heard.join(" ")`); got != "before-the-restart behind-the-restart" {
		t.Errorf("the page heard %q", got)
	}
}
