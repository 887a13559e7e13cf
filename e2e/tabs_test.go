package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// A browser opens six connections of HTTP/1.1 to one host, for all its tabs together.
func TestTenTabsOfOneBrowserLoadAndWork(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	tabs := []*visitor{ann}
	for len(tabs) < 10 {
		name := fmt.Sprintf("tab %d", len(tabs)+1)
		v := &visitor{ann.tab(name, server.URL+"/#/lobby"), "ann"}
		v.awaitState("live")
		tabs = append(tabs, v)
	}
	if hidden := value[bool](ann.browser, `document.hidden`); !hidden {
		t.Error("the first tab is not hidden: this test does not show what it should")
	}
	var said []string
	for _, v := range []*visitor{tabs[9], tabs[0], tabs[5]} {
		v.show()
		v.awaitState("live")
		text := v.name + " speaks"
		v.post(text)
		said = append(said, text)
		if got := texts(v.awaitMessages(len(said))); !slices.Equal(got, said) {
			t.Errorf("%s shows %q, want %q", v.name, got, said)
		}
	}
	for _, v := range tabs {
		v.show()
		v.awaitState("live")
		if got := texts(v.awaitMessages(len(said))); !slices.Equal(got, said) {
			t.Errorf("%s shows %q, want %q", v.name, got, said)
		}
	}
}

func TestAHiddenTabLetsGoOfItsStreamAndMissesOrDoublesNothing(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	var said []string
	say := func(text string) {
		bob.post("lobby", text)
		said = append(said, text)
	}
	say("seen live")
	ann.awaitMessages(1)
	value[any](ann.browser, watchStates)

	blank := ann.tab("another tab", "about:blank")
	for round := range 3 {
		blank.show()
		ann.await("a page that rests", `document.getElementById("status").dataset.state === "resting"`)
		waitFor(t, func() bool { return linesWith(server.Stderr(), "reason=gone", "username=ann") > round })
		for i := range 3 {
			say(fmt.Sprintf("said behind its back %d of round %d", i, round))
		}
		ann.show()
		ann.awaitState("live")
		say(fmt.Sprintf("seen live in round %d", round))
		if got := texts(ann.awaitMessages(len(said))); !slices.Equal(got, said) {
			t.Fatalf("round %d: the page shows %q, want %q", round, got, said)
		}
	}
	states := strings.Join(value[[]string](ann.browser, `window.seenStates`), " ")
	if want := "live" + strings.Repeat(" resting connecting live", 3); states != want {
		t.Errorf("the page told %q, want %q", states, want)
	}
}

// quickGlances has a page wait a fraction of a second where it waits about a minute.
const quickGlances = `(() => {
	const repeat = window.setInterval;
	window.setInterval = (done, ms, ...rest) => repeat(done, ms >= 45_000 && ms <= 75_000 ? 200 : ms, ...rest);
})()`

func TestAHiddenTabCountsWhatItMissesAndNotifiesAUserWhoAskedForIt(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := &visitor{browse(t, "ann", "about:blank"), "ann"}
	ann.preload(quickGlances)
	ann.preload(recordNotifications)
	ann.do("opening the page", chromedp.Navigate(server.URL+"/"))
	ann.fillSignUp()
	ann.awaitState("live")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	bob.post("lobby", "seen live")
	ann.awaitMessages(1)
	blank := ann.tab("another tab", "about:blank")
	blank.show()
	ann.await("a page that rests", `document.getElementById("status").dataset.state === "resting"`)
	for i := range 2 {
		bob.post("lobby", fmt.Sprintf("missed %d", i))
		ann.await("the count in the title", fmt.Sprintf(`document.title.startsWith("(%d) ")`, i+1))
	}
	if state := value[string](ann.browser, `document.getElementById("status").dataset.state`); state != "resting" {
		t.Errorf("the hidden page is %s", state)
	}
	ann.show()
	ann.awaitState("live")
	if got, want := texts(ann.awaitMessages(3)), []string{"seen live", "missed 0", "missed 1"}; !slices.Equal(got, want) {
		t.Errorf("the page shows %q, want %q", got, want)
	}
	wantNotifications(t, server, bob, ann, blank)
}

// A tab that was opened in the background has no stream until it is looked at.
func TestATabOpenedInTheBackgroundConnectsWhenItIsLookedAt(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	behind := &visitor{ann.tab("behind", "about:blank"), "ann"}
	ann.show()
	behind.await("a tab that is hidden", `document.hidden`)
	behind.do("loading", chromedp.Navigate(server.URL+"/#/lobby"))
	behind.await("a page that rests", `document.getElementById("status").dataset.state === "resting"`)
	ann.post("behind its back")
	ann.awaitMessages(1)
	behind.show()
	behind.awaitState("live")
	if got := texts(behind.awaitMessages(1)); !slices.Equal(got, []string{"behind its back"}) {
		t.Errorf("the page shows %q", got)
	}
}

func TestAPageOutOfTheBackForwardCacheMissesOrDoublesNothing(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	bob.post("lobby", "said before")
	ann.awaitMessages(1)
	value[any](ann.browser, `window.kept = true`)
	ann.do("going elsewhere", chromedp.Navigate(server.URL+"/healthz"))
	bob.post("lobby", "said meanwhile")
	value[any](ann.browser, `history.back()`)
	ann.await("the page", `document.getElementById("status") !== null`)
	if !value[bool](ann.browser, `window.kept === true`) {
		t.Error("the page was loaded anew: this test does not show what it should")
	}
	ann.awaitState("live")
	bob.post("lobby", "said afterwards")
	if got, want := texts(ann.awaitMessages(3)), []string{"said before", "said meanwhile", "said afterwards"}; !slices.Equal(got, want) {
		t.Errorf("the page shows %q, want %q", got, want)
	}
}

func TestAPostWithoutAnAnswerIsShown(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.post("answered")
	ann.awaitMessages(1)
	server.Freeze()
	ann.post("not answered")
	ann.await("a word on the message", `document.querySelector("#messages .pending .state")?.textContent === "No answer yet…"`)
	ann.awaitState("waiting")
	server.Thaw()
	if got, want := texts(ann.awaitMessages(2)), []string{"answered", "not answered"}; !slices.Equal(got, want) {
		t.Errorf("the page shows %q, want %q", got, want)
	}
	ann.awaitState("live")
}

func texts(messages []shown) []string {
	texts := make([]string, len(messages))
	for i, m := range messages {
		texts[i] = m.Text
	}
	return texts
}
