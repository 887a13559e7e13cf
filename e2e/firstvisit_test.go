package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// complaints are what a browser's console shows in red or yellow, and the answers
// that are refusals, of which each makes such a line.
type complaints struct {
	mu   sync.Mutex
	said []string
}

func (c *complaints) add(format string, arguments ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, arguments...))
}

// take returns what was collected since the last call.
func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said
	c.said = nil
	return said
}

// listenForComplaints collects from now on.
func listenForComplaints(b *browser) *complaints {
	b.t.Helper()
	c := new(complaints)
	err := chromedp.Listen(b.ctx, func(event any) {
		switch event := event.(type) {
		case *log.EventEntryAdded:
			if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
				c.add("%s: %s %s", event.Entry.Level, event.Entry.Text, event.Entry.URL)
			}
		case *runtime.EventConsoleAPICalled:
			c.add("console.%s", event.Type)
		case *runtime.EventExceptionThrown:
			c.add("exception: %s", event.ExceptionDetails.Text)
		case *network.EventResponseReceived:
			if event.Response.Status >= 400 {
				c.add("%d %s", int(event.Response.Status), event.Response.URL)
			}
		case *network.EventLoadingFailed:
			// Leaving a page ends what it was loading.
			if !event.Canceled {
				c.add("failed: %s", event.ErrorText)
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.do("listening to the console", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
		return err
	}))
	return c
}

func TestAFirstVisitLeavesTheConsoleEmpty(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := &visitor{browse(t, "ann", "about:blank"), "ann"}
	c := listenForComplaints(ann.browser)
	ann.do("the first visit",
		chromedp.Navigate(server.URL+"/"),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
	)
	if said := c.take(); len(said) > 0 {
		t.Errorf("on the first visit: %q", said)
	}

	ann.fillSignUp()
	ann.awaitState("live")
	ann.makeChat("lobby")
	ann.reload()
	if said := c.take(); len(said) > 0 {
		t.Errorf("while signed in: %q", said)
	}
	ann.do("logging out",
		chromedp.Click(chromedp.CSS("#logout")),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
		chromedp.Navigate(server.URL+"/"),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
	)
	if said := c.take(); len(said) > 0 {
		t.Errorf("behind the logout: %q", said)
	}
}

// What the page remembers of a session may be older than the service knows it.
func TestAPageThatRemembersASessionThatIsGoneShowsTheDoor(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.do("losing the cookies", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	c := listenForComplaints(ann.browser)
	ann.do("coming back",
		chromedp.Reload(),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
	)
	if said := c.take(); len(said) == 0 {
		t.Error("the page did not ask: this test does not show what it should")
	}
	// It is asked once: then the page knows.
	ann.do("coming back again",
		chromedp.Reload(),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
	)
	if said := c.take(); len(said) > 0 {
		t.Errorf("the page asks again: %q", said)
	}
}

// A user who comes back when the access token has run out is let in by the refresh
// token alone, and nothing is refused on the way.
func TestAReturnBehindTheTokensEndLeavesTheConsoleEmpty(t *testing.T) {
	need.Chromium(t)
	server := serve(t, "--access-ttl", "3s")
	ann := signUp(t, server, "ann")
	ann.do("going away", chromedp.Navigate("about:blank"))
	ann.until("a token that has run out", func() bool { return !ann.has("parley_token") })
	c := listenForComplaints(ann.browser)
	ann.do("coming back", chromedp.Navigate(server.URL+"/"))
	ann.awaitState("live")
	if said := c.take(); len(said) > 0 {
		t.Errorf("on the return: %q", said)
	}
}

// watchView tells how long after its navigation began the page showed each of its views.
const watchView = `{
	window.viewedAfter = {};
	new MutationObserver(() => {
		viewedAfter[document.body?.dataset.view] ??= performance.now();
	}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-view"] });
}`

func TestAFirstVisitIsInteractiveSoon(t *testing.T) {
	need.Chromium(t)
	server := serve(t)
	ann := browse(t, "ann", "about:blank")
	ann.preload(watchView)
	ann.do("the first visit", chromedp.Navigate(server.URL+"/"), chromedp.WaitVisible(chromedp.CSS("#login-form")))
	t.Logf("the door is there after %.0f ms", value[float64](ann, `viewedAfter.entry`))
	ann.do("typing", chromedp.SendKeys(chromedp.CSS("#login-username"), "ann"), chromedp.Click(chromedp.CSS("#show-signup")), chromedp.WaitVisible(chromedp.CSS("#signup-form")))
}
