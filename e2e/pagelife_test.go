package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/chat"
	"parley/e2e/need"
)

// act opens the menu of the message with a text, by the keyboard's way, and chooses from it.
func (v *visitor) act(text, choice string) {
	v.t.Helper()
	value[any](v.browser, fmt.Sprintf(`[...document.querySelectorAll("#messages li.message")].find((li) => li.querySelector(".text").textContent === %s).querySelector(".more").click()`, quoted(text)))
	v.do("choosing from the menu", chromedp.WaitVisible(chromedp.CSS("#message-menu")), chromedp.Click(chromedp.CSS("#message-menu "+choice)))
}

// awaitLine waits until the line at a place, from the end, is what an expression about li says.
func (v *visitor) awaitLine(fromEnd int, what, expression string) {
	v.t.Helper()
	v.await(what, fmt.Sprintf(`((li) => Boolean(li && (%s)))([...document.querySelectorAll("#messages li.message")].at(-%d))`, expression, fromEnd))
}

func TestMessagesAreChangedOnOnePageAndSeenOnTheOther(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann, bob := signUp(t, server, "ann"), signUp(t, server, "bob")
	ann.makeChat("lobby")
	ann.addMember("bob")
	bob.openChat("lobby")
	both := []*visitor{ann, bob}
	ann.post("a first text")
	bob.awaitMessages(1)

	// Arrow up in an empty box goes back to the last own message.
	ann.do("editing", chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent(kb.ArrowUp))
	ann.await("the text in the box", `document.getElementById("text").value === "a first text"`)
	ann.do("saving", chromedp.SendKeys(chromedp.CSS("#text"), ", edited"), enter)
	for _, v := range both {
		v.awaitLine(1, "the edited text", `li.querySelector(".text").textContent === "a first text, edited" && li.querySelector(".edited")`)
	}
	// The answer may come behind the event.
	ann.await("an empty box", `document.getElementById("text").value === ""`)

	bob.act("a first text, edited", `[data-emoji="🎉"]`)
	for _, v := range both {
		v.awaitLine(1, "a reaction", `li.querySelector(".reactions button")?.textContent === "🎉 1"`)
	}
	bob.awaitLine(1, "an own reaction", `li.querySelector('.reactions button[aria-pressed="true"]')`)
	ann.do("joining in", chromedp.Click(chromedp.CSS("#messages .reactions button")))
	for _, v := range both {
		v.awaitLine(1, "two reactions", `li.querySelector('.reactions button[aria-pressed="true"]')?.textContent === "🎉 2"`)
	}
	ann.do("taking it back", chromedp.Click(chromedp.CSS("#messages .reactions button")))
	for _, v := range both {
		v.awaitLine(1, "one reaction", `li.querySelector(".reactions button")?.textContent === "🎉 1"`)
	}

	bob.act("a first text, edited", "#menu-reply")
	bob.post("an answer to it")
	for _, v := range both {
		v.awaitLine(1, "the quoted message", `li.querySelector(".quote .quoted-text")?.textContent === "a first text, edited"`)
	}

	ann.act("a first text, edited", "#menu-erase")
	ann.do("confirming", chromedp.WaitVisible(chromedp.CSS("#confirm-yes")), chromedp.Click(chromedp.CSS("#confirm-yes")))
	for _, v := range both {
		v.awaitLine(2, "a tombstone", `li.classList.contains("deleted") && li.querySelector(".text").textContent === "This message was deleted."`)
		v.awaitLine(1, "a quoted tombstone", `li.querySelector(".quote .quoted-text")?.textContent === "This message was deleted."`)
	}
	for _, v := range both {
		v.reload()
		v.awaitLine(2, "the tombstone after a reload", `li.classList.contains("deleted")`)
		v.awaitLine(1, "the answer after a reload", `li.querySelector(".text").textContent === "an answer to it"`)
	}
	if may := value[bool](bob.browser, `(document.querySelector("#messages li.message:last-child .more").click(), !document.getElementById("menu-edit").hidden)`); !may {
		t.Error("the author may not edit")
	}
	if may := value[bool](ann.browser, `(document.querySelector("#messages li.message:last-child .more").click(), !document.getElementById("menu-edit").hidden)`); may {
		t.Error("another one may edit")
	}
}

func TestAnEditThatAnotherOneOvertookIsNotLost(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.post("a first text")
	ann.awaitMessages(1)
	ann.act("a first text", "#menu-edit")
	ann.await("the text in the box", `document.getElementById("text").value === "a first text"`)
	other, closeIt := ann.window("another window", server.URL+"/#/lobby")
	defer closeIt()
	second := &visitor{other, "ann"}
	second.awaitMessages(1)
	second.act("a first text", "#menu-edit")
	second.await("the text in the box", `document.getElementById("text").value === "a first text"`)
	second.do("saving", chromedp.SendKeys(chromedp.CSS("#text"), ", overtaking"), chromedp.Click(chromedp.CSS("#send")))
	ann.awaitLine(1, "the edited text", `li.querySelector(".text").textContent === "a first text, overtaking"`)

	ann.do("saving", chromedp.SendKeys(chromedp.CSS("#text"), ", overtaken"), chromedp.Click(chromedp.CSS("#send")))
	ann.await("a refusal", `document.getElementById("composer-error").textContent.startsWith("Not changed.")`)
	if box, about := value[string](ann.browser, `document.getElementById("text").value`), value[string](ann.browser, `document.getElementById("about-text").textContent`); box != "a first text, overtaken" || about != "a first text, overtaking" {
		t.Errorf("the box holds %q, about %q", box, about)
	}
	ann.do("saving all the same", chromedp.Click(chromedp.CSS("#send")))
	for _, v := range []*visitor{ann, second} {
		v.awaitLine(1, "the edited text", `li.querySelector(".text").textContent === "a first text, overtaken"`)
	}
}

func TestTypingPresenceAndReadingAreShown(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	token := bob.login(server).Token
	f := mustOpenFeed(t, server.URL+"/chats/lobby/stream", token, "")
	f.until(t, "ready")
	ann.await("who is here", `document.getElementById("room-about").textContent.endsWith("`+bob.name+` here")`)
	call(t, "POST", server.URL+"/chats/lobby/typing", token, "{}", http.StatusNoContent, nil)
	ann.await("who types", `document.getElementById("typing").textContent === "`+bob.name+` is typing…"`)
	bob.post("lobby", "a word at last")
	ann.await("nobody types", `document.getElementById("typing").textContent === ""`)

	guest := newPerson(t, server)
	value[any](ann.browser, fmt.Sprintf(`fetch("chats/lobby/members/%s", { method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"role":"guest"}' }), null`, guest.name))
	row := func(name, says string) string {
		return `((row) => Boolean(row && (` + says + `)))(document.querySelector('#members [data-username="` + name + `"]'))`
	}
	ann.do("opening the members", chromedp.Click(chromedp.CSS("#open-details")))
	ann.await("a member who is here", row(bob.name, `!row.querySelector(".here").hidden`))
	ann.await("a guest who is not here", row(guest.name, `row.querySelector(".here").hidden && row.querySelector("select").value === "guest"`))
	visits := mustOpenFeed(t, server.URL+"/chats/lobby/stream", guest.login(server).Token, "")
	visits.until(t, "ready")
	ann.await("a guest who has come", row(guest.name, `!row.querySelector(".here").hidden`))
	visits.close()
	ann.await("a guest who has gone", row(guest.name, `row.querySelector(".here").hidden`))
	ann.do("closing the members", chromedp.Click(chromedp.CSS("#details [data-close]")))

	ann.do("typing", chromedp.SendKeys(chromedp.CSS("#text"), "h"))
	for f.until(t, "typing").Data != `{"chat":"lobby","username":"ann"}` {
	}
	var markers struct{ Markers []chat.Marker }
	waitFor(t, func() bool {
		call(t, "GET", server.URL+"/chats/lobby/read", token, "", http.StatusOK, &markers)
		return slices.ContainsFunc(markers.Markers, func(m chat.Marker) bool { return m.Username == "ann" && m.ID > 0 })
	})
}

func TestWhatWasReadElsewhereIsNotUnreadHere(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	phone, bob := newPerson(t, server), newPerson(t, server)
	token := phone.login(server).Token
	chatID := bob.makeChat(phone)
	ann := &visitor{browse(t, "ann", server.URL+"/"), phone.name}
	ann.logIn(phone.password)
	ann.makeChat("den")
	post := func(text string) int64 { t.Helper(); return bob.post(chatID, text).ID }
	read := func(id int64) {
		t.Helper()
		call(t, "PUT", server.URL+"/chats/"+chatID+"/read", token, fmt.Sprintf(`{"id":%d}`, id), http.StatusNoContent, nil)
	}
	unread := func(when string, count int) {
		t.Helper()
		ann.await(fmt.Sprintf("%d unread %s", count, when), fmt.Sprintf(`document.querySelector('#chats [data-chat="%s"]')?.dataset.unread === "%d"`, chatID, count))
	}

	first := post("not looked at here")
	unread("at first", 1)
	read(first)
	unread("once the phone has read it", 0)

	// From here on this browser has read the chat as well.
	ann.openChat(chatID)
	ann.awaitMessages(1)
	ann.openChat("den")
	ann.do("going away", chromedp.Navigate("about:blank"))
	post("read on the phone")
	also := post("read on the phone as well")
	post("read nowhere")
	read(also)
	ann.do("coming back", chromedp.Navigate(server.URL+"/#/den"))
	ann.awaitState("live")
	unread("on the return", 1)

	part := post("read on the phone while the page is live")
	post("the first that is new")
	post("the second that is new")
	unread("as they come in", 4)
	read(part)
	unread("once the phone has read some of them", 2)

	ann.openChat(chatID)
	ann.await("the line before what is new", `document.querySelector("#messages .new-line")?.nextElementSibling.querySelector(".text").textContent === "the first that is new"`)
	unread("in the open chat", 0)
	ann.openChat("den")

	blank := ann.tab("another tab", "about:blank")
	blank.show()
	ann.await("a page that rests", `document.getElementById("status").dataset.state === "resting"`)
	read(post("read on the phone while the page rests"))
	ann.show()
	ann.awaitState("live")
	post("the last")
	unread("after the rest", 1)
}
