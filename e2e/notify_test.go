package e2e

import (
	"context"
	"fmt"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// recordNotifications keeps the notifications that a page makes.
const recordNotifications = `(() => {
	window.notified = [];
	window.Notification = class extends Notification {
		constructor(...given) {
			super(...given);
			notified.push(this);
		}
	};
})()`

// notified is what a page told by the browser's notifications.
func (b *browser) notified() []notification {
	b.t.Helper()
	return value[[]notification](b, `notified.map(({ title, body, tag }) => ({ title, body, tag }))`)
}

type notification struct{ Title, Body, Tag string }

// awaitNoneInView waits until the browser knows that no tab of the page is in view.
func (b *browser) awaitNoneInView() {
	b.t.Helper()
	b.until("no tab in view", func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		held, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
			`navigator.locks.query().then(({ held }) => held.some(({ name }) => name === "parley.in-view"))`, chromedp.EvalAwaitPromise))
		if err != nil {
			b.t.Fatal(err)
		}
		return !held
	})
}

// wantNotifications wants that ann, whose page shows the chat and who has not asked for
// notifications, has had none; and that once she asks, a message that no tab shows is told
// once. The page of blank is another one's.
func wantNotifications(t *testing.T, server *process, bob *person, ann *visitor, blank *browser) {
	t.Helper()
	if told := ann.notified(); len(told) > 0 {
		t.Errorf("unasked, the page notified of %q", told)
	}
	ann.permit("notifications", cdpbrowser.PermissionSettingDenied)
	ann.do("asking in vain",
		chromedp.Click(chromedp.CSS("#to-account")),
		chromedp.Click(chromedp.CSS("#notify")))
	ann.await("the refusal beside the box", `document.getElementById("notify-state").textContent.startsWith("The browser does not allow it.") && !document.getElementById("notify").checked`)
	ann.permit("notifications", cdpbrowser.PermissionSettingGranted)
	ann.do("asking", chromedp.Click(chromedp.CSS("#notify")))
	ann.await("a choice that stands", `document.getElementById("notify-state").textContent === "" && document.getElementById("notify").checked`)

	second := &visitor{ann.tab("second tab", "about:blank"), "ann"}
	second.preload(recordNotifications)
	second.do("opening the page", chromedp.Navigate(server.URL+"/#/lobby"))
	second.awaitState("live")
	ann.await("a page that is hidden", `document.hidden`)
	bob.post("lobby", "seen in the other tab")
	second.awaitMessages(4)

	blank.show()
	tabs := []*browser{ann.browser, second.browser}
	for _, tab := range tabs {
		tab.await("a page that is hidden", `document.hidden`)
	}
	ann.awaitNoneInView()
	m := bob.post("lobby", "seen nowhere")
	for _, tab := range tabs {
		tab.await("a notification", `notified.length > 0`)
		// The browser shows one of those with the same tag.
		want := notification{bob.name + " in The lobby", "seen nowhere", fmt.Sprintf("parley %d", m.ID)}
		if told := tab.notified(); len(told) != 1 || told[0] != want {
			t.Errorf("%s notified of %q, want %q alone", tab.name, told, want)
		}
	}
	if hash := value[string](ann.browser, `location.hash`); hash != "#account" {
		t.Errorf("before the click the page is at %s", hash)
	}
	value[any](ann.browser, `notified[0].dispatchEvent(new Event("click")), null`)
	ann.await("the chat", `location.hash === "#/lobby" && document.body.dataset.pane === "room"`)
}
