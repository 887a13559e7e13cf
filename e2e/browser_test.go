package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// browser is a browser profile of its own, which shares no cookie and no storage with any
// other, and the one page that is open in it. It ends with its test; if that has failed it
// leaves a picture of the page.
type browser struct {
	t    testing.TB
	name string
	// ctx is the page, without a deadline: the profile lives as long as it.
	ctx context.Context
}

// browse opens the address in a new profile. All are of one Chromium, whose start takes longer
// than most of what is done with it; one of its own has who names further flags.
func browse(t testing.TB, name, address string, flags ...string) *browser {
	t.Helper()
	path := need.Chromium(t)
	var ctx context.Context
	if len(flags) == 0 {
		shared, err := chromium.start(path)
		if err != nil {
			t.Fatalf("starting the browser: %v", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
		t.Cleanup(cancel)
	} else {
		var err error
		var end func()
		if ctx, end, err = startChromium(path, flags...); err != nil {
			t.Fatalf("starting %s's browser: %v", name, err)
		}
		t.Cleanup(end)
	}
	b := &browser{t: t, name: name, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening %s's browser: %v", name, err)
	}
	t.Cleanup(b.close)
	b.prepare()
	b.do("opening the page", chromedp.Navigate(address))
	return b
}

// tab opens the address in a tab of its own, in the window of the browser's other
// tabs. It is the one that shows; the others are hidden.
func (b *browser) tab(name, address string) *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewWindow(false))
	b.t.Cleanup(cancel)
	tab := &browser{t: b.t, name: name, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening the tab %s: %v", name, err)
	}
	b.t.Cleanup(tab.close)
	tab.prepare()
	tab.do("opening the page", chromedp.Navigate(address))
	return tab
}

// show has the tab show, and hides the others of its window.
func (b *browser) show() {
	b.t.Helper()
	b.do("showing the tab", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.BringToFront, cdp.Empty{})
		return err
	}))
}

// prepare has every cookie remembered, for the search at the end, and every ticket, token and
// invite that the page sends. It tells the page that it is online: a machine that has no
// network but itself, which is all that is needed here, counts as offline.
func (b *browser) prepare() {
	b.t.Helper()
	err := chromedp.Listen(b.ctx, func(event any) {
		switch event := event.(type) {
		case *network.EventResponseReceivedExtraInfo:
			recordCookies(event.Headers)
		case *network.EventRequestWillBeSent:
			recordSent(event.Request)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.do("preparing the page", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
		return err
	}))
	b.preload(`Object.defineProperty(navigator, "onLine", { value: true })`)
}

// preload has a script run in each document that the tab loads from now on, before the
// document's own.
func (b *browser) preload(script string) {
	b.t.Helper()
	b.do("preparing the page", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// profile is empty where the browser has a Chromium of its own.
func (b *browser) profile() cdp.BrowserContextID { return chromedp.FromContext(b.ctx).BrowserContextID }

// permit sets what every page of the browser is permitted.
func (b *browser) permit(permission string, setting cdpbrowser.PermissionSetting) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: permission}, Setting: setting, BrowserContextID: b.profile(),
	})
	if err != nil {
		b.t.Fatalf("%s, %s as to %s: %v", b.name, setting, permission, err)
	}
}

func recordSent(request *network.Request) {
	if u, err := url.Parse(request.URL); err == nil {
		recordAddress(u)
	}
	for name, value := range request.Headers {
		if _, token, ok := strings.Cut(fmt.Sprint(value), " "); ok && strings.EqualFold(name, "Authorization") {
			secrets.add("a token", token)
		}
	}
}

func recordCookies(headers network.Headers) {
	for name, value := range headers {
		if !strings.EqualFold(name, "Set-Cookie") {
			continue
		}
		// Several of them are one, on a line each.
		for line := range strings.Lines(fmt.Sprint(value)) {
			if cookie, err := http.ParseSetCookie(strings.TrimSpace(line)); err == nil {
				secrets.add("a cookie", cookie.Value)
			}
		}
	}
}

func (b *browser) close() {
	if b.t.Failed() {
		b.leavePicture()
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		b.t.Errorf("closing %s's browser: %v", b.name, err)
	}
}

// leavePicture shows the page as it is, where "go test -artifacts" keeps it.
func (b *browser) leavePicture() {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	b.t.Logf("%s's page says (%v):\n%s", b.name, err, text)
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		path := filepath.Join(b.t.ArtifactDir(), b.name+".png")
		err = os.WriteFile(path, picture, 0o600)
		b.t.Logf("%s's page is pictured in %s", b.name, path)
	}
	if err != nil {
		b.t.Logf("%s's page cannot be pictured: %v", b.name, err)
	}
}

// do does steps as a user would; what says what they are for.
func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s, %s: %v", b.name, what, err)
	}
}

// enter presses and releases Enter as a keyboard does: nothing is typed where the page has
// prevented that. [chromedp.KeyEvent] types a line break all the same.
var enter = chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
	key := input.DispatchKeyEventParams{Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
	down, up := key, key
	down.Type, down.Text, up.Type = input.DispatchKeyEventTypeKeyDown, "\r", input.DispatchKeyEventTypeKeyUp
	for _, event := range []input.DispatchKeyEventParams{down, up} {
		if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, event); err != nil {
			return err
		}
	}
	return nil
})

// value is what an expression is worth in the page.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s, %s: %v", b.name, expression, err)
	}
	return value
}

// await waits until an expression is true in the page.
func (b *browser) await(what, expression string) {
	b.t.Helper()
	b.until(what, func() bool { return value[bool](b, expression) })
}

func (b *browser) until(what string, done func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s waits in vain: %s", b.name, what)
		}
	}
}

// sleep stops the page where it stands, as a closed lid does: no timer of it runs
// and nothing that comes over its connections reaches it.
func (b *browser) sleep() { b.lifecycle(page.SetWebLifecycleStateStateFrozen) }

// wake lets the page go on, in view: one that was stopped counts as hidden until
// another was shown in its place.
func (b *browser) wake() {
	b.t.Helper()
	b.lifecycle(page.SetWebLifecycleStateStateActive)
	b.tab(b.name+"'s other tab", "about:blank")
	b.show()
}

func (b *browser) lifecycle(state page.SetWebLifecycleStateState) {
	b.t.Helper()
	b.do(state.String(), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return err
	}))
}

// has says whether the browser holds a cookie of the name. One that has run out
// it holds no more.
func (b *browser) has(name string) bool {
	b.t.Helper()
	_, held := b.cookies()[name]
	return held
}

// cookies are all that the browser holds, by their names.
func (b *browser) cookies() map[string]string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.CallBrowser(ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: b.profile()})
	if err != nil {
		b.t.Fatalf("%s's cookies: %v", b.name, err)
	}
	held := make(map[string]string)
	for _, cookie := range answer.Cookies {
		held[cookie.Name] = cookie.Value
	}
	return held
}
