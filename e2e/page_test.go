package e2e

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// shown is a message as a page shows it.
type shown struct {
	ID      int64  `json:"id"`
	Author  string `json:"author"`
	Text    string `json:"text"`
	Pending bool   `json:"pending"`
}

const showsMessages = `[...document.querySelectorAll("#messages li.message")].map((li) => ({
	id: Number(li.dataset.id ?? 0),
	author: li.dataset.author ?? "",
	text: li.querySelector(".text").textContent,
	pending: li.classList.contains("pending"),
}))`

// watchStates writes down each state of the connection that the page tells of,
// and each view; the first of each is the present one.
const watchStates = `(() => {
	const watch = (element, name) => {
		const seen = [element.dataset[name]];
		new MutationObserver(() => {
			if (seen.at(-1) !== element.dataset[name]) seen.push(element.dataset[name]);
		}).observe(element, { attributes: true });
		return seen;
	};
	window.seenStates = watch(document.getElementById("status"), "state");
	window.seenViews = watch(document.body, "view");
})()`

// visitor is somebody at the page.
type visitor struct {
	*browser
	username string
}

// signUp opens the page in a browser of its own and signs up there.
func signUp(t *testing.T, server *process, username string) *visitor {
	t.Helper()
	v := &visitor{browse(t, username, server.URL+"/"), username}
	v.fillSignUp()
	v.awaitState("live")
	return v
}

// fillSignUp signs up at the page's door.
func (v *visitor) fillSignUp() {
	v.t.Helper()
	v.do("signing up",
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
		chromedp.Click(chromedp.CSS("#show-signup")),
		chromedp.SendKeys(chromedp.CSS("#signup-username"), v.username),
		chromedp.SendKeys(chromedp.CSS("#signup-display-name"), strings.ToUpper(v.username)),
		chromedp.SendKeys(chromedp.CSS("#signup-password"), newPassword()),
		chromedp.Click(chromedp.CSS("#signup-submit")),
	)
}

// logIn logs in at the page's door.
func (v *visitor) logIn(password string) {
	v.t.Helper()
	v.do("logging in",
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
		chromedp.SendKeys(chromedp.CSS("#login-username"), v.username),
		chromedp.SendKeys(chromedp.CSS("#login-password"), password),
		chromedp.Click(chromedp.CSS("#login-submit")),
	)
	v.awaitState("live")
}

func (v *visitor) makeChat(id string) {
	v.t.Helper()
	v.do("making a chat",
		chromedp.Click(chromedp.CSS("#open-new-chat")),
		chromedp.SendKeys(chromedp.CSS("#new-chat-title"), "The "+id),
		chromedp.SendKeys(chromedp.CSS("#new-chat-id"), id),
		chromedp.Click(chromedp.CSS("#new-chat-submit")),
		chromedp.WaitNotVisible(chromedp.CSS("#new-chat-form")),
		chromedp.WaitVisible(chromedp.CSS("#text")),
	)
}

func (v *visitor) addMember(username string) {
	v.t.Helper()
	v.do("adding a member",
		chromedp.Click(chromedp.CSS("#open-details")),
		chromedp.SendKeys(chromedp.CSS("#add-member-username"), username),
		chromedp.Click(chromedp.CSS("#add-member-submit")),
		chromedp.WaitVisible(chromedp.CSS(`#members [data-username="`+username+`"]`)),
		chromedp.Click(chromedp.CSS("#details [data-close]")),
	)
}

func (v *visitor) openChat(id string) {
	v.t.Helper()
	v.do("opening a chat",
		chromedp.Click(chromedp.CSS(`#chats a[data-chat="`+id+`"]`)),
		chromedp.WaitVisible(chromedp.CSS("#text")),
	)
}

// post writes a text and sends it. It does not wait for what becomes of it.
func (v *visitor) post(text string) {
	v.t.Helper()
	secrets.add("a text", text)
	v.do("posting",
		chromedp.SendKeys(chromedp.CSS("#text"), text),
		chromedp.Click(chromedp.CSS("#send")),
	)
}

func (v *visitor) messages() []shown {
	v.t.Helper()
	return value[[]shown](v.browser, showsMessages)
}

// awaitMessages waits until the page shows that many messages and none that is
// on its way.
func (v *visitor) awaitMessages(count int) []shown {
	v.t.Helper()
	var messages []shown
	v.until(fmt.Sprintf("%d messages, none of them on its way", count), func() bool {
		messages = v.messages()
		return len(messages) >= count && !slices.ContainsFunc(messages, func(m shown) bool { return m.Pending })
	})
	return messages
}

func (v *visitor) awaitState(state string) {
	v.t.Helper()
	v.await("a status that is "+state, `document.getElementById("status").dataset.state === "`+state+`" && document.body.dataset.view === "app"`)
}

// reload has the page begin anew, in the chat that is open. One that began
// before there was any chat may list them again whenever it comes back; now it
// has to do with its place in the log.
func (v *visitor) reload() {
	v.t.Helper()
	v.do("reloading", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#text")))
	v.awaitState("live")
}

// wantOnlyTheApp wants that since watchStates the user was never sent to the
// door.
func (v *visitor) wantOnlyTheApp() {
	v.t.Helper()
	if views := value[[]string](v.browser, `window.seenViews`); !slices.Equal(views, []string{"app"}) {
		v.t.Errorf("%s saw the views %q", v.name, views)
	}
}

// readLog reads what a chat holds as a page should show it.
func readLog(who *person, chatID string) []shown {
	who.t.Helper()
	var all []shown
	for m, err := range who.Messages(who.t.Context(), chatID, 0) {
		if err != nil {
			who.t.Fatal(err)
		}
		all = append(all, shown{ID: m.ID, Author: m.Author, Text: m.Text})
	}
	return all
}

func TestTwoBrowsersChatOverAKilledServerAndMissOrDoubleNothing(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	witness := newPerson(t, server) // speaks HTTP
	ann, bob := signUp(t, server, "ann"), signUp(t, server, "bob")
	ann.makeChat("lobby")
	ann.addMember("bob")
	ann.addMember(witness.name)
	bob.openChat("lobby")
	both := []*visitor{ann, bob}
	said := map[string][]string{}
	say := func(v *visitor, text string) {
		t.Helper()
		v.post(text)
		said[v.username] = append(said[v.username], text)
	}

	for _, v := range both {
		v.reload()
		value[any](v.browser, watchStates)
	}
	say(ann, "ann is first")
	say(bob, "bob answers")
	for _, v := range both {
		v.awaitMessages(2)
	}

	// Whether the log has this one, or its answer gets back, is left to chance.
	say(ann, "ann is cut off")
	server.Kill()
	for _, v := range both {
		v.awaitState("reconnecting")
	}
	for _, v := range both {
		v.await("that the service is away", `!document.getElementById("offline").hidden && document.getElementById("offline").textContent.startsWith("The service does not answer. ")`)
	}
	for i := range 2 {
		say(ann, fmt.Sprintf("ann waits %d", i))
		say(bob, fmt.Sprintf("bob waits %d", i))
	}
	for _, v := range both {
		v.await("a message that was tried and is not sent", `document.querySelector("#messages li.pending.troubled") !== null`)
		v.await("how many messages wait", `document.querySelectorAll("#messages li.pending").length >= 2 && document.getElementById("offline").textContent
			=== `+"`The service does not answer. ${document.querySelectorAll('#messages li.pending').length} messages wait to be sent.`")
	}

	server.Restart()
	// The pages have hardly noticed yet: they have to fetch this one.
	witness.post("lobby", "somebody is quicker")
	said[witness.name] = []string{"somebody is quicker"}
	for _, v := range both {
		v.awaitState("live")
	}
	// These are sent while those may still be on their way.
	say(bob, "bob is back")
	say(ann, "ann is back")

	count := 0
	for _, texts := range said {
		count += len(texts)
	}
	seen := ann.awaitMessages(count)
	if other := bob.awaitMessages(count); !reflect.DeepEqual(seen, other) {
		t.Errorf("the pages differ:\n%v\n%v", seen, other)
	}
	if stored := readLog(witness, "lobby"); !reflect.DeepEqual(seen, stored) {
		t.Errorf("the pages show %v, and the log holds %v", seen, stored)
	}
	for username, texts := range said {
		var got []string
		for _, m := range seen {
			if m.Author == username {
				got = append(got, m.Text)
			}
		}
		if !slices.Equal(got, texts) {
			t.Errorf("of %s the pages show %q, want %q", username, got, texts)
		}
	}
	if !slices.IsSortedFunc(seen, func(a, b shown) int { return int(a.ID - b.ID) }) {
		t.Errorf("the pages do not show the log's order: %v", seen)
	}
	for _, v := range both {
		states := value[[]string](v.browser, `window.seenStates`)
		if lost := slices.Index(states, "reconnecting"); states[0] != "live" || lost < 0 || states[len(states)-1] != "live" {
			t.Errorf("%s was told %q, want live, reconnecting and live again", v.name, states)
		}
		v.wantOnlyTheApp()
		v.await("no word of a service that is away", `document.getElementById("offline").hidden && document.getElementById("offline").textContent === ""`)
	}
}

// sleeper is ann, whose page falls asleep, where tokens live for seconds, and bob,
// who goes on posting. These tests run beside no other, which might keep the page
// from renewing its token in time.
type sleeper struct {
	*visitor
	server *process
	bob    *person
}

func newSleeper(t *testing.T) *sleeper {
	t.Helper()
	need.Chromium(t)
	server := serve(t, "--access-ttl", "3s")
	s := &sleeper{signUp(t, server, "ann"), server, newPerson(t, server)}
	s.makeChat("lobby")
	s.addMember(s.bob.name)
	s.bob.post("lobby", "before the sleep")
	s.awaitMessages(1)
	s.reload()
	value[any](s.browser, watchStates)
	return s
}

// outlastToken waits until the token that the page fell asleep with has run out.
func (s *sleeper) outlastToken() {
	s.t.Helper()
	s.until("a token that has run out", func() bool { return !s.has("parley_token") })
}

// isBack waits until the page follows again, and looks at what it shows.
func (s *sleeper) isBack() {
	s.t.Helper()
	s.awaitMessages(2)
	s.awaitState("live")
	s.bob.post("lobby", "after the sleep")
	var texts []string
	for _, m := range s.awaitMessages(3) {
		texts = append(texts, m.Text)
	}
	if want := []string{"before the sleep", "during the sleep", "after the sleep"}; !slices.Equal(texts, want) {
		s.t.Errorf("the page shows %q, want %q", texts, want)
	}
	s.wantOnlyTheApp()
}

func TestAPageThatSleptPastItsTokenComesBackByItself(t *testing.T) {
	s := newSleeper(t)
	s.sleep()
	// It would not end so if the page were awake: that keeps its token fresh.
	waitFor(t, func() bool { return linesWith(s.server.Stderr(), "reason=expired", "username=ann") > 0 })
	s.outlastToken()
	s.bob.post("lobby", "during the sleep")
	s.wake()
	s.isBack()
}

// EventSource gives up for good where it is refused. It meets that where the
// page cannot get a new token before it has its stream again.
func TestAPageThatWakesWithoutItsServerComesBackByItself(t *testing.T) {
	s := newSleeper(t)
	s.sleep()
	s.server.Kill()
	s.server.Restart()
	s.bob.post("lobby", "during the sleep")
	s.server.Kill()
	s.outlastToken()
	s.wake()
	s.awaitState("reconnecting")
	s.server.Restart()
	s.isBack()
	if linesWith(s.server.Stderr(), "route=/stream", "status=401") == 0 {
		t.Error("the page's stream was never refused: this test does not show what it should")
	}
}

func TestMarkupIsShownAsText(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	server := serve(t)
	bob := newPerson(t, server)
	ann := signUp(t, server, "ann")
	ann.makeChat("lobby")
	ann.addMember(bob.name)
	const (
		posted  = `<img src=x onerror="document.body.dataset.view='owned'">`
		written = `<b onclick=alert(1)>bold</b> &amp; <script>alert(2)</script>`
	)
	bob.post("lobby", posted)
	ann.awaitMessages(1)
	ann.post(written)
	messages := ann.awaitMessages(2)
	if len(messages) != 2 || messages[0].Text != posted || messages[1].Text != written {
		t.Errorf("the page shows %v", messages)
	}
	made := `document.querySelectorAll("#messages .text *, #chats .preview *, #messages img, [onerror], [onclick]").length`
	if made := value[int](ann.browser, made); made != 0 {
		t.Errorf("%d elements were made of texts", made)
	}
}

// linesWith counts the lines that hold all parts.
func linesWith(printed string, parts ...string) int {
	count := 0
	for line := range strings.Lines(printed) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			count++
		}
	}
	return count
}
