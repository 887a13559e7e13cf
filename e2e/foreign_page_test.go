package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/chat"
	"parley/e2e/need"
)

// A page on another port of parley's own host is the harder one: to the browser it is of the
// same site, so that parley's cookies go along with whatever it sends, and the check of the
// origin stands alone between the two.
func TestAPageOfAnUnlistedOriginGetsNothing(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>a foreign page</title>")
	}))
	t.Cleanup(page.Close)
	for name, address := range map[string]string{
		"another site":             strings.Replace(page.URL, "127.0.0.1", "localhost", 1),
		"another port of the host": page.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deceive(t, address)
			d.triesToRead()
			d.triesToWrite()
			d.triesToLogInAsMallory()
		})
	}
}

// deceived is a user who is logged in at parley's page and has opened a foreign page in the
// same browser.
type deceived struct {
	*visitor
	server *process
	user   *person
	// cookiesBefore are those that parley's page has been given.
	cookiesBefore map[string]string
	page          *browser
	address       string // of the foreign page
	mallory       *person
}

const (
	// listedPage is an origin that the server lists: it answers as one that has a CORS policy.
	listedPage = "https://listed.example"
	// den is the chat that the foreign page is after.
	den        = "den"
	textInDen  = "for-members-of-the-den"
	textOfPage = "in-the-name-of-another"
)

func deceive(t *testing.T, address string) *deceived {
	t.Helper()
	server := serve(t, "--origins", listedPage)
	d := &deceived{server: server, user: newPerson(t, server), address: address, mallory: newPerson(t, server)}
	if _, err := d.user.CreateChat(t.Context(), chat.NewChat{ID: den, Visibility: chat.Private}); err != nil {
		t.Fatal(err)
	}
	d.user.post(den, textInDen)
	d.visitor = &visitor{browse(t, "the user", server.URL+"/"), d.user.name}
	d.logIn(d.user.password)
	d.cookiesBefore = d.cookies()
	if len(d.cookiesBefore) != 2 {
		t.Fatalf("a login at the page leaves %d cookies", len(d.cookiesBefore))
	}
	d.page = d.tab("the foreign page", "about:blank")
	d.openForeignPage()
	return d
}

func (d *deceived) openForeignPage() {
	d.t.Helper()
	d.page.do("opening the foreign page", chromedp.Navigate(d.address))
	value[bool](d.page, fmt.Sprintf(`
		window.parley = %q;
		window.form = (fields) => ({ method: "POST", mode: "no-cors", body: new URLSearchParams(fields) });
		// read is what the page can read of an answer.
		window.read = async (path, how) => {
			try {
				const answer = await fetch(parley + path, { credentials: "include", ...how });
				return (answer.status || "") + await answer.text();
			} catch {
				return "";
			}
		};
		// hear is what the page hears first by an EventSource.
		window.hear = (path) => new Promise((resolve) => {
			const source = new EventSource(parley + path, { withCredentials: true });
			const end = (heard) => { source.close(); resolve(heard); };
			source.onmessage = (e) => end("a message " + e.data);
			source.addEventListener("ready", (e) => end("ready " + e.data));
			source.onerror = () => { if (source.readyState === EventSource.CLOSED) end(""); };
		});
		true`, d.server.URL))
}

// getsNothingBy wants that the page can read nothing of what it tries: named expressions that
// are worth promises of strings.
func (d *deceived) getsNothingBy(tries map[string]string) {
	d.t.Helper()
	names := slices.Sorted(maps.Keys(tries))
	var all []string
	for _, name := range names {
		all = append(all, tries[name])
	}
	value[bool](d.page, `window.got = undefined; Promise.all([`+strings.Join(all, ",")+`]).then((all) => window.got = all); true`)
	d.page.await("the end of what it tries", `window.got !== undefined`)
	for i, got := range value[[]string](d.page, `window.got`) {
		if got != "" {
			d.t.Errorf("by %s the page reads %q", names[i], got)
		}
	}
}

func (d *deceived) triesToRead() {
	d.t.Helper()
	var made struct{ Ticket string }
	decode(d.t, ask(d.t, d.server, "POST", "/stream-tickets", "{}", bearer(d.user.login(d.server).Token), header("Origin", listedPage)).
		is(http.StatusCreated).body, &made)
	d.getsNothingBy(map[string]string{
		"GET /me":                    `read("/me")`,
		"GET /me without CORS":       `read("/me", { mode: "no-cors" })`,
		"GET messages":               `read("/chats/` + den + `/messages")`,
		"GET messages without CORS":  `read("/chats/` + den + `/messages", { mode: "no-cors" })`,
		"a stream":                   `hear("/chats/` + den + `/stream")`,
		"a ticket of another origin": `hear("/chats/` + den + `/stream?ticket=` + made.Ticket + `")`,
		"a ticket that it asks for":  `read("/stream-tickets", { method: "POST" })`,
	})
	d.isStillTheUser()
}

func (d *deceived) triesToWrite() {
	d.t.Helper()
	text := `method: "POST", headers: { "Content-Type": "text/plain" }, body: "` + textOfPage + `"`
	d.getsNothingBy(map[string]string{
		"a message in JSON":      `read("/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"chat":"` + den + `","text":"` + textOfPage + `"}' })`,
		"a message":              `read("/chats/` + den + `/messages", { ` + text + ` })`,
		"a message without CORS": `read("/chats/` + den + `/messages", { mode: "no-cors", ` + text + ` })`,
		"a message of no origin": `read("/chats/` + den + `/messages", { mode: "no-cors", referrerPolicy: "no-referrer", ` + text + ` })`,
		"a message in a form":    `read("/messages", form({ chat: "` + den + `", text: "` + textOfPage + `" }))`,
		"a chat":                 `read("/chats", form({ id: "trap" }))`,
	})
	for message, err := range d.user.Messages(d.t.Context(), den, 0) {
		if err != nil {
			d.t.Fatal(err)
		}
		if message.Text != textInDen {
			d.t.Errorf("the page has stored %q in the name of %s", message.Text, message.Author)
		}
	}
	chats, err := d.user.Chats(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	if len(chats) != 1 {
		d.t.Errorf("the user is in %d chats", len(chats))
	}
	// Apart from the rest, which would fail without the session for that reason alone.
	d.getsNothingBy(map[string]string{"a refresh": `read("/refresh", form({}))`})
	d.getsNothingBy(map[string]string{"a logout": `read("/logout", form({}))`})
	d.isStillTheUser()
}

// triesToLogInAsMallory is login CSRF: whoever was signed in as somebody else without knowing
// would write to that account.
func (d *deceived) triesToLogInAsMallory() {
	d.t.Helper()
	fields := fmt.Sprintf(`{ username: %q, password: %q, cookie: true }`, d.mallory.name, d.mallory.password)
	d.getsNothingBy(map[string]string{
		"a login in JSON":            `read("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(` + fields + `) })`,
		"a login as a text":          `read("/login", { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" }, body: JSON.stringify(` + fields + `) })`,
		"a login in a form":          `read("/login", form(` + fields + `))`,
		"a login in a form, no CORS": `read("/login", { ...form(` + fields + `), mode: "cors" })`,
		"a login of no origin":       `read("/login", { ...form(` + fields + `), referrerPolicy: "no-referrer" })`,
	})
	d.isStillTheUser()
	// A form takes the whole tab to the answer, whose cookies are no third party's then.
	for _, how := range []struct{ referrer, encoding, inputs, answer string }{
		{"", formKind, fields, "foreign_origin"},
		{"no-referrer", formKind, fields, "foreign_origin"},
		{"", textKind, fmt.Sprintf(`{ '{"username":%q,"password":%q,"cookie":true,"x":"': '"}' }`, d.mallory.name, d.mallory.password), "code"},
	} {
		value[bool](d.page, fmt.Sprintf(`
			const referrer = document.createElement("meta");
			Object.assign(referrer, { name: "referrer", content: %q });
			document.head.append(referrer);
			const sent = document.createElement("form");
			Object.assign(sent, { method: "post", action: parley + "/login", enctype: %q });
			for (const [name, value] of Object.entries(%s)) {
				const input = document.createElement("input");
				Object.assign(input, { name, value });
				sent.append(input);
			}
			document.body.append(sent);
			sent.submit();
			true`, how.referrer, how.encoding, how.inputs))
		d.page.until("the answer to the form", func() bool {
			ctx, cancel := context.WithTimeout(d.page.ctx, patience)
			defer cancel()
			// Between two pages there is none that could answer.
			at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? location.href : ""`))
			return err == nil && at == d.server.URL+"/login"
		})
		if answer := value[string](d.page, `document.body.innerText`); !strings.Contains(answer, how.answer) {
			d.t.Errorf("the form that is sent as %s with the referrer policy %q is answered %s", how.encoding, how.referrer, answer)
		}
		d.isStillTheUser()
		d.openForeignPage()
	}
	var sessions struct{ Sessions []chat.Session }
	call(d.t, "GET", d.server.URL+"/me/sessions", d.mallory.login(d.server).Token, "", http.StatusOK, &sessions)
	if len(sessions.Sessions) != 2 { // those that this test has begun for mallory
		d.t.Errorf("mallory has %d sessions", len(sessions.Sessions))
	}
}

// isStillTheUser wants that the browser has the cookies it had, and that they are the user's.
func (d *deceived) isStillTheUser() {
	d.t.Helper()
	if !maps.Equal(d.cookies(), d.cookiesBefore) {
		d.t.Error("the browser has other cookies than before the foreign page")
	}
	value[bool](d.browser, `window.asked = undefined; fetch("/me").then((answer) => answer.json()).then((me) => window.asked = me.username ?? me.code); true`)
	d.await("who the user is", `window.asked !== undefined`)
	if username := value[string](d.browser, `window.asked`); username != d.user.name {
		d.t.Errorf("on parley's own page the user is %s, not %s", username, d.user.name)
	}
}
