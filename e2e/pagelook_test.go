package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

var screenshots = flag.Bool("screenshots", false, "take the pictures in docs/screenshots anew")

// axeCore is the script that checks a page for what keeps people out, from npm.
func axeCore(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	install := exec.CommandContext(t.Context(), need.NPM(t), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "axe-core@4.14.1")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("installing axe-core: %v\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(folder, "node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// theme has the system prefer a colour scheme.
func (b *browser) theme(name string) {
	b.t.Helper()
	b.do("choosing the theme", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// size gives the page a window of this many pixels.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.do("sizing the window", chromedp.EmulateViewport(width, height))
}

// keepsNobodyOut wants that axe-core finds no violation in what the page shows.
func (b *browser) keepsNobodyOut(axe, what string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if !value[bool](b, `window.axe !== undefined`) {
		value[any](b, axe+"; null")
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]json.RawMessage](
		`axe.run().then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => html.slice(0, 200) + " " + failureSummary) })))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	for _, violation := range found {
		b.t.Errorf("%s: %s", what, violation)
	}
}

// picture keeps what the page shows in docs/screenshots, where that is asked for.
func (b *browser) picture(name string) {
	b.t.Helper()
	if !*screenshots {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join("../docs/screenshots", name+".png"), image, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// paste sends a text of several lines: keys would send each line of it.
func (v *visitor) paste(text string) {
	v.t.Helper()
	secrets.add("a text", text)
	value[any](v.browser, `document.getElementById("text").value = `+quoted(text)+`; document.getElementById("composer").requestSubmit()`)
}

func TestNothingOfThePageKeepsAnybodyOut(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	axe := axeCore(t)
	server := serve(t)
	ann, bob := signUp(t, server, "ann"), signUp(t, server, "bob")
	ann.size(900, 560)
	ann.makeChat("lobby")
	ann.addMember("bob")
	bob.openChat("lobby")
	bob.post("Has anybody tried the new build? The notes are at https://example.com/notes")
	ann.awaitMessages(1)
	ann.paste("It starts in a blink. Try it:\n```sh\ngo run .\n```")
	bob.awaitMessages(2)
	inBothThemes := func(what string) {
		t.Helper()
		for _, theme := range []string{"light", "dark"} {
			ann.theme(theme)
			ann.keepsNobodyOut(axe, what+", "+theme)
		}
	}
	inBothThemes("a chat")
	ann.theme("light")
	ann.picture("chat")
	ann.theme("dark")
	ann.picture("dark")
	ann.do("opening the menu of a message",
		chromedp.Focus(chromedp.CSS(`#messages .more[tabindex="0"]`)),
		chromedp.KeyEvent("\r"),
		chromedp.WaitVisible(chromedp.CSS("#message-menu")))
	inBothThemes("the menu of a message")
	ann.do("closing it", chromedp.KeyEvent("\x1b"), chromedp.WaitNotVisible(chromedp.CSS("#message-menu")))
	if at := value[string](ann.browser, `document.activeElement.className`); !strings.Contains(at, "more") {
		t.Errorf("behind the menu the keyboard is at %q", at)
	}
	ann.do("opening the members", chromedp.Click(chromedp.CSS("#open-details")), chromedp.WaitVisible(chromedp.CSS(`#members [data-username="bob"]`)))
	inBothThemes("the members")
	ann.do("going to the account",
		chromedp.Click(chromedp.CSS("#details [data-close]")),
		chromedp.Click(chromedp.CSS("#to-account")),
		chromedp.WaitVisible(chromedp.CSS("#sessions li")))
	inBothThemes("the account")
	ann.do("going to the administration",
		chromedp.Click(chromedp.CSS("#to-administration")),
		chromedp.WaitVisible(chromedp.CSS("#users li")))
	inBothThemes("the administration")

	ann.size(390, 560)
	ann.do("opening the chat", chromedp.Evaluate[chromedp.Void](`location.hash = "#/lobby"`), chromedp.WaitVisible(chromedp.CSS("#text")))
	inBothThemes("a chat on a phone")
	if wide := value[bool](ann.browser, `document.documentElement.scrollWidth > innerWidth`); wide {
		t.Error("the page is wider than a phone")
	}
	ann.theme("light")
	ann.picture("phone")
	ann.do("logging out", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS("#login-form")))
	inBothThemes("the door")
}

func TestLinksAndCodeAreShownAsSuch(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	for i, c := range []struct{ text, links, code string }{
		{"see https://example.com/a?b=c#d, or not", "https://example.com/a?b=c#d", ""},
		{"(http://example.com/x_(y)) and http://example.com/z).", "http://example.com/x_(y) http://example.com/z", ""},
		{"javascript:alert(1) ftp://example.com data:text/html,x //example.com", "", ""},
		{"https:// and http://", "", ""},
		{"```go\nx := \"<b>\"\n\n// https://example.com\n```\nbehind https://example.com", "https://example.com/", "x := \"<b>\"\n\n// https://example.com"},
	} {
		ann.paste(c.text)
		ann.awaitMessages(i + 1)
		links := value[string](ann.browser, `[...document.querySelectorAll("#messages li.message:last-child .text a")].map((a) => a.href).join(" ")`)
		if links != c.links {
			t.Errorf("%q has the links %q, want %q", c.text, links, c.links)
		}
		if code := value[string](ann.browser, `document.querySelector("#messages li.message:last-child .text pre code")?.textContent ?? ""`); code != c.code {
			t.Errorf("%q has the code %q, want %q", c.text, code, c.code)
		}
	}
	preview := value[string](ann.browser, `document.querySelector("#chats .preview").textContent`)
	if want := "You: x := \"<b>\"\n\n// https://example.com\nbehind https://example.com"; preview != want {
		t.Errorf("the list of chats says %q, want %q", preview, want)
	}
	if unsafe := value[int](ann.browser, `document.querySelectorAll('#messages a:not([rel="noopener noreferrer"][target="_blank"])').length`); unsafe != 0 {
		t.Errorf("%d links reach back to the page", unsafe)
	}
}
