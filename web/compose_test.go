package web

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// lobby is what a page needs to show one empty chat to ann, who may write in it.
func lobby() map[string]string {
	const when = `"created_at":"2026-01-02T03:04:05.678Z"`
	return map[string]string{
		"GET /me":                   `{"username":"ann","display_name":"Ann",` + when + `}`,
		"GET /chats":                `{"chats":[{"id":"lobby","title":"","visibility":"public","role":"member","head":9,"unread":0,"last_message":null,` + when + `}]}`,
		"GET /chats/lobby/messages": `{"messages":[],"cursor":9}`,
		"GET /chats/lobby/presence": `{"present":["ann"]}`,
		"POST /chats/lobby/typing":  `{}`,
		"GET /chats/lobby/members":  `{"members":[{"username":"ann","display_name":"Ann","role":"member"}]}`,
		"POST /messages":            `{"id":10,"seq":3,"chat":"lobby","author":"ann","text":"sent",` + when + `}`,
	}
}

// composing is a function that puts a text into the box, reports events as a browser
// does, and returns what the box then holds.
const composing = `(events => {
	const box = document.getElementById("text");
	const report = {
		start: () => box.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true })),
		end: () => box.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "かな" })),
		key: (init) => box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init })),
	};
	box.value = "かな";
	box.dispatchEvent(new InputEvent("input", { bubbles: true }));
	for (const [name, init] of events) report[name](init);
	return box.value;
})`

func TestAnInputMethodsEnterSendsNothing(t *testing.T) {
	address, _ := serve(t, lobby())
	ctx := browse(t)
	err := chromedp.Do(ctx,
		remembered(address),
		chromedp.Navigate(address+"#/lobby"),
		chromedp.WaitVisible(chromedp.CSS(`#status[data-state="live"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#text`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	for browser, events := range map[string]string{
		"Chromium and Firefox":  `[["start"], ["key", { keyCode: 229, isComposing: true }], ["end"]]`,
		"Safari":                `[["start"], ["end"], ["key", { keyCode: 229 }]]`,
		"a browser without 229": `[["start"], ["key", { keyCode: 13, isComposing: true }], ["end"]]`,
	} {
		if left := evaluate[string](t, ctx, composing+`(`+events+`)`); left != "かな" {
			t.Errorf("%s: behind the input method's Enter the box holds %q", browser, left)
		}
	}
	// The user's own Enter sends the same text.
	if left := evaluate[string](t, ctx, composing+`([["key", { keyCode: 13 }]])`); left != "" {
		t.Errorf("behind the user's Enter the box holds %q", left)
	}
}
