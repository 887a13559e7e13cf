package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"parley/chat"
	"parley/e2e/need"
)

// Behind each proxy the Go client and a browser's EventSource read over a server
// that is killed and away for so long that the proxies have to answer for it: both
// are shown each message once, in order.
func TestAKilledServerIsSurvivedBehindEachProxy(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	p := serveBehind(t, "auto", "--ping", "1s")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	before := []string{"before the first kill", "before the second kill"}

	fronts := proxied(t, p)
	readers := make(map[string]chan []chat.Message)
	sources := make(map[string]*browser)
	first := browse(t, "the reader", "about:blank")
	for _, f := range fronts {
		shown := make(chan []chat.Message, 1)
		readers[f.name] = shown
		who := f.person(t, ann)
		go func() { shown <- follow(t, who, chatID, "the very last") }()
		sources[f.name] = openEventSource(t, first, f, ann, chatID)
	}
	awaitAll := func(what, expression string) {
		t.Helper()
		for _, source := range sources {
			source.await(what, expression)
		}
	}

	ann.post(chatID, before[0])
	awaitAll("the first message", "seen.length === 1")
	p.Kill()
	p.Restart()
	ann.post(chatID, before[1])
	awaitAll("the second message", "seen.length === 2")

	awaitAll("a stream", "source.readyState === EventSource.OPEN")
	for _, source := range sources {
		value[any](source, "failures = 0")
	}
	p.Kill()
	// One to the stream that broke off, one to the try after it.
	awaitAll("an attempt that met nobody", "failures >= 2")
	p.Restart()
	ann.post(chatID, "the very last")
	awaitAll("the last message", "seen.length >= 3")

	var stored []string
	for m, err := range ann.Messages(t.Context(), chatID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, fmt.Sprint(m.ID))
	}
	for _, f := range fronts {
		var seen []string
		for _, m := range <-readers[f.name] {
			seen = append(seen, fmt.Sprint(m.ID))
		}
		if !slices.Equal(seen, stored) {
			t.Errorf("behind %s the Go client was shown %q, and stored is %q", f.name, seen, stored)
		}
		source := sources[f.name]
		if seen := value[[]string](source, "seen"); !slices.Equal(seen, stored) {
			t.Errorf("behind %s the EventSource was shown %q, and stored is %q", f.name, seen, stored)
		}
		if gaveUp := value[int](source, "gaveUp") > 0; gaveUp != f.bare {
			t.Errorf("behind %s the EventSource gave up: %v", f.name, gaveUp)
		}
	}
}

// openEventSource opens a tab in the browser that logs in through the front and
// follows the chat. Where the browser gives up, the page begins anew at its place.
func openEventSource(t testing.TB, first *browser, f *front, who *person, chatID string) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(first.ctx)
	t.Cleanup(cancel)
	tab := &browser{t: t, name: f.name, ctx: ctx}
	tab.prepare()
	tab.do("trusting a certificate", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		return err
	}))
	tab.do("opening a page", chromedp.Navigate(f.URL+"/healthz"))
	value[any](tab, fmt.Sprintf(`fetch("/login", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ username: %q, password: %q, cookie: true }),
	}).then((answer) => { window.loggedIn = answer.status; }), 0`, who.name, who.password))
	tab.await("a login", "window.loggedIn === 200")
	value[any](tab, fmt.Sprintf(`var seen = [], failures = 0, gaveUp = 0, source, last = "earliest";
	function follow() {
		source = new EventSource("/chats/%s/stream?after=" + last);
		source.onmessage = (event) => {
			last = event.lastEventId;
			seen.push(last);
		};
		source.onerror = () => {
			failures++;
			if (source.readyState !== EventSource.CLOSED) return;
			gaveUp++;
			setTimeout(follow, 1000);
		};
	}
	follow(), 0`, chatID))
	return tab
}
