package e2e

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/chat"
	"parley/e2e/need"
)

// window opens the address in a window of its own, so that it shows beside the others. It
// is closed by the function that is returned.
func (b *browser) window(name, address string) (window *browser, closeIt func()) {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewWindow(true))
	b.t.Cleanup(cancel)
	window = &browser{t: b.t, name: name, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening the window %s: %v", name, err)
	}
	window.prepare()
	window.do("opening the page", chromedp.Navigate(address))
	return window, sync.OnceFunc(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			b.t.Errorf("closing the window %s: %v", name, err)
		}
	})
}

func TestTabsShareOneConnectionAndAnotherTakesItOver(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	ann.do("going away", chromedp.Navigate("about:blank"))
	var tabs []*visitor
	var closes []func()
	for i := range 3 {
		window, closeIt := ann.window(fmt.Sprintf("window %d", i+1), server.URL+"/#/lobby")
		defer closeIt()
		v := &visitor{window, "ann"}
		v.awaitState("live")
		tabs, closes = append(tabs, v), append(closes, closeIt)
	}
	var said []string
	say := func(text string, to []*visitor) {
		t.Helper()
		bob.post("lobby", text)
		said = append(said, text)
		for _, v := range to {
			if got := texts(v.awaitMessages(len(said))); !slices.Equal(got, said) {
				t.Errorf("%s shows %q, want %q", v.name, got, said)
			}
		}
	}
	for i := range tabs {
		if open := metric(t, server, "parley_streams_open"); open != 1 {
			t.Errorf("%d tabs have %v streams", len(tabs)-i, open)
		}
		say(fmt.Sprintf("said to %d tabs", len(tabs)-i), tabs[i:])
		if i == len(tabs)-1 {
			break
		}
		closes[i]()
		// What is said before another tab has taken over is not lost.
		say(fmt.Sprintf("said while tab %d goes", i+1), tabs[i+1:])
		waitFor(t, func() bool { return metric(t, server, "parley_streams_open") == 1 })
	}
}

func TestAPageBehindAProxyThatBuffersIsLive(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := &visitor{browse(t, "ann", bufferingProxy(t, server)+"/"), "ann"}
	ann.fillSignUp()
	ann.awaitState("live")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	bob.post("lobby", "said by another")
	ann.awaitMessages(1)
	ann.post("said behind the proxy")
	if got, want := texts(ann.awaitMessages(2)), []string{"said by another", "said behind the proxy"}; !slices.Equal(got, want) {
		t.Errorf("the page shows %q, want %q", got, want)
	}
}

func TestAPostOverALineThatIsCutIsShownAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	line, address := newRelay(t, server.URL)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ann := &visitor{browse(t, "ann", "http://"+u.Host+"/"), "ann"}
	ann.fillSignUp()
	ann.awaitState("live")
	ann.makeChat("lobby")
	var said []string
	for i := range 6 {
		text := fmt.Sprintf("over a cut line %d", i)
		said = append(said, text)
		ann.post(text)
		if shown := texts(ann.messages()); shown[len(shown)-1] != text {
			t.Errorf("the page shows %q, and not yet %q", shown, text)
		}
		line.cut()
	}
	if got := texts(ann.awaitMessages(len(said))); !slices.Equal(got, said) {
		t.Errorf("the page shows %q, want %q", got, said)
	}
	ann.awaitState("live")
	ann.reload()
	if got := texts(ann.awaitMessages(len(said))); !slices.Equal(got, said) {
		t.Errorf("the log holds %q, want %q", got, said)
	}
}

// scrollUp scrolls to the beginning of a chat, as a wheel does, and tells the longest that
// a step of it took, in ms.
const scrollUp = `(async () => {
	const log = document.getElementById("log");
	const frame = () => new Promise(requestAnimationFrame);
	let longest = 0, still = 0, most = 0;
	while (still < 100) {
		const before = performance.now();
		log.scrollBy(0, -800);
		await frame();
		still = log.scrollTop === 0 ? still + 1 : 0;
		longest = Math.max(longest, performance.now() - before);
		most = Math.max(most, document.querySelectorAll("#messages li.message").length);
	}
	return { longest, most, first: document.querySelector("#messages li.message .text").textContent };
})()`

func TestAChatOfTenThousandMessagesScrolls(t *testing.T) {
	need.Chromium(t)
	const count = 10_000
	server := serve(t, "--limits", "off")
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	bob.post("lobby", "the very first")
	ann.do("going away", chromedp.Navigate("about:blank"))
	numbers := make(chan int)
	var posters sync.WaitGroup
	for range 32 {
		posters.Go(func() {
			for n := range numbers {
				if _, err := bob.Post(t.Context(), chat.Post{Chat: "lobby", Text: fmt.Sprintf("message %d\n%s", n, strings.Repeat("word ", n%40))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range count - 1 {
		numbers <- n
	}
	close(numbers)
	posters.Wait()
	ann.do("coming back", chromedp.Navigate(server.URL+"/#/lobby"))
	ann.await("the newest messages", `document.querySelectorAll("#messages li.message").length >= 50`)
	ctx, cancel := context.WithTimeout(ann.ctx, 4*patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
		Longest float64
		Most    int
		First   string
	}](scrollUp, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the longest step took %.0f ms, with %d messages in the document", got.Longest, got.Most)
	if got.First != "the very first" {
		t.Errorf("the page came to %q", got.First)
	}
	if got.Most > 300 {
		t.Errorf("%d messages are in the document", got.Most)
	}
}
