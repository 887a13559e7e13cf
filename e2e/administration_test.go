package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/chat"
	"parley/e2e/need"
)

// install makes users, each with a password, on a new installation where signing up takes an
// invite, and serves it. The first one is its admin.
func install(t *testing.T, usernames ...string) (server *process, passwords map[string]string) {
	t.Helper()
	need.Chromium(t)
	data := filepath.Join(t.TempDir(), "data")
	passwords = make(map[string]string)
	for _, username := range usernames {
		passwords[username] = newPassword()
		if code, _, errOut := runParley(t, passwords[username], "--data", data, "user", "add", username); code != 0 {
			t.Fatal(errOut)
		}
	}
	return serve(t, "--data", data, "--signup", "invite"), passwords
}

// logInOf logs a user in without a browser, and returns the access token.
func logInOf(t *testing.T, server *process, username, password string) string {
	t.Helper()
	var login chat.Login
	call(t, "POST", server.URL+"/login", "", fmt.Sprintf(`{"username":%q,"password":%q}`, username, password), http.StatusOK, &login)
	secrets.add("a token", login.Token)
	secrets.add("a token", login.RefreshToken)
	return login.Token
}

// logInByKeyboard opens the page in a browser of its own and logs in there.
func logInByKeyboard(t *testing.T, server *process, username, password string) *visitor {
	t.Helper()
	v := &visitor{browse(t, username, server.URL+"/"), username}
	v.do("waiting for the door", chromedp.WaitVisible(chromedp.CSS("#login-form")))
	v.awaitFocus("#login-username")
	v.press(username + kb.Tab + password + kb.Enter)
	v.awaitState("live")
	return v
}

func (v *visitor) press(keys string, options ...chromedp.KeyOption) {
	v.t.Helper()
	v.do("pressing keys", chromedp.KeyEvent(keys, options...))
}

func (v *visitor) hasFocus(selector string) bool {
	v.t.Helper()
	return value[bool](v.browser, fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
}

func (v *visitor) awaitFocus(selector string) {
	v.t.Helper()
	v.until("the focus at "+selector, func() bool { return v.hasFocus(selector) })
}

// tabTo presses Tab until an element has the focus.
func (v *visitor) tabTo(selector string) {
	v.t.Helper()
	for range 60 {
		if v.hasFocus(selector) {
			return
		}
		v.press(kb.Tab)
	}
	v.t.Fatalf("%s does not reach %s with Tab", v.name, selector)
}

// enter presses Enter on an element that Tab leads to.
func (v *visitor) enter(selector string) {
	v.t.Helper()
	v.tabTo(selector)
	v.press(kb.Enter)
}

// confirms says yes to a question, at which No has the focus.
func (v *visitor) confirms() {
	v.t.Helper()
	v.awaitFocus("#confirm-no")
	v.enter("#confirm-yes")
}

// secret is what an element of the page holds, which no log may.
func (v *visitor) secret(kind, expression string) string {
	v.t.Helper()
	text := value[string](v.browser, expression)
	secrets.add(kind, text)
	return text
}

func (v *visitor) awaitText(selector, text string) {
	v.t.Helper()
	v.await(text, fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "").includes(%q)`, selector, text))
}

// row is the row of a list of the page.
func row(id string) string { return `[data-id="` + id + `"]` }

func TestAnAdminWorksThePageByKeyboard(t *testing.T) {
	t.Parallel()
	server, passwords := install(t, "ann", "bob")
	ann := logInByKeyboard(t, server, "ann", passwords["ann"])
	ann.enter("#to-administration")
	ann.awaitText("#users "+row("bob"), "bob")

	ann.enter("#open-new-user")
	ann.awaitFocus("#new-user-username")
	ann.press(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
	ann.press(kb.ArrowDown)
	ann.awaitFocus("#new-user-bot")
	ann.press(kb.Tab + "Helper" + kb.Enter)
	ann.awaitText("#new-user-form .field .error", "It must")
	ann.awaitFocus("#new-user-username[aria-invalid]")
	for range len("Helper") {
		ann.press(kb.Backspace)
	}
	ann.press("helper" + kb.Enter)
	ann.awaitFocus("#users " + row("helper") + " button")
	ann.press(kb.Enter)
	ann.enter("#user-tokens")
	ann.enter("#make-token summary")
	ann.tabTo("#new-token-name")
	ann.press("nightly" + kb.Enter)
	ann.awaitFocus("#fresh-token-text")
	token := ann.secret("a script token", `document.getElementById("fresh-token-text").value`)
	var bot chat.User
	call(t, "GET", server.URL+"/me", token, "", http.StatusOK, &bot)
	if bot.Username != "helper" || !bot.Bot {
		t.Errorf("the token is of %+v", bot)
	}
	ann.enter("#token-rows li button")
	ann.confirms()
	ann.awaitFocus("#tokens-heading")
	call(t, "GET", server.URL+"/me", token, "", http.StatusUnauthorized, nil)
	ann.press(kb.Escape)
	ann.awaitFocus("#user-tokens")
	ann.await("a page without the token, once its dialog is closed", `document.getElementById("fresh-token-text").value === ""`)
	ann.press(kb.Escape)
	ann.awaitFocus("#users " + row("helper") + " button")

	ann.enter("#users " + row("bob") + " button")
	bob := logInOf(t, server, "bob", passwords["bob"])
	for _, admin := range []bool{true, false} {
		ann.enter("#user-admin")
		ann.confirms()
		ann.awaitText("#user-admin", map[bool]string{true: "Unmake admin", false: "Make admin"}[admin])
		var me chat.User
		call(t, "GET", server.URL+"/me", bob, "", http.StatusOK, &me)
		if me.Admin != admin {
			t.Errorf("bob's being an admin is %v, not %v", me.Admin, admin)
		}
	}
	ann.enter("#user-disabled")
	ann.confirms()
	ann.awaitText("#users "+row("bob"), "disabled")
	call(t, "POST", server.URL+"/login", "", fmt.Sprintf(`{"username":"bob","password":%q}`, passwords["bob"]), http.StatusUnauthorized, nil)
	ann.press(kb.Escape)
	ann.awaitFocus("#users " + row("bob") + " button")

	ann.enter("#open-new-invite")
	ann.awaitFocus("#new-invite-uses")
	ann.press(kb.ArrowUp + kb.Enter)
	ann.awaitFocus("#invites li button")
	link := ann.secret("an invite's address", `document.querySelector("#invites li input").value`)
	_, code, _ := strings.Cut(link, "#invite=")
	secrets.add("an invite", code)

	carl := &visitor{browse(t, "carl", link), "carl"}
	carl.do("seeing the invite", chromedp.WaitVisible(chromedp.CSS("#signup-invite")))
	carl.press("carl" + kb.Tab + kb.Tab + newPassword() + kb.Enter)
	carl.awaitState("live")
	if left := value[string](carl.browser, `location.hash`); left != "" {
		t.Errorf("behind the sign-up the address still holds %q", left)
	}
	if value[bool](carl.browser, `document.getElementById("confirm").open`) {
		t.Error("a user who signed up with an invite is asked whether to use it")
	}
	ann.enter("#invites li button.quiet")
	ann.confirms()
	ann.awaitFocus("#invites-heading")
	// It could have been used once more.
	call(t, "POST", server.URL+"/users", "", fmt.Sprintf(`{"username":"dan","password":%q,"invite":%q}`, newPassword(), code), http.StatusNotFound, nil)
	ann.press(kb.Escape)
	ann.tabTo("#find-users-prefix")
	ann.press("carl" + kb.Enter)
	ann.awaitText("#users "+row("carl"), "carl")
}

func TestAUserWithoutRightsIsToldAndJoinsByAnInvite(t *testing.T) {
	t.Parallel()
	server, passwords := install(t, "ann", "bob")
	ann := logInOf(t, server, "ann", passwords["ann"])
	call(t, "POST", server.URL+"/chats", ann, `{"id":"den"}`, http.StatusCreated, nil)
	var invite chat.Invite
	call(t, "POST", server.URL+"/invites", ann, `{"chat":"den"}`, http.StatusCreated, &invite)

	bob := logInByKeyboard(t, server, "bob", passwords["bob"])
	if value[bool](bob.browser, `document.getElementById("to-administration").checkVisibility()`) {
		t.Error("the administration is offered to a user who is no admin")
	}
	goTo := func(fragment string) {
		t.Helper()
		value[any](bob.browser, fmt.Sprintf(`location.hash = %q`, fragment))
	}
	goTo("#administration")
	bob.awaitText("#administration-sheet", "This part is for the admins of the service.")
	if value[bool](bob.browser, `document.getElementById("administration-parts").checkVisibility()`) {
		t.Error("the administration is shown to a user who is no admin")
	}

	goTo("#invite=" + invite.Code)
	bob.confirms()
	bob.await("the chat that the invite is for", `location.hash === "#/den" && document.getElementById("text").checkVisibility()`)
}

func TestAUserKeepsItsOwnAccount(t *testing.T) {
	t.Parallel()
	server, passwords := install(t, "ann", "bob")
	elsewhere := logInOf(t, server, "bob", passwords["bob"])
	bob := logInByKeyboard(t, server, "bob", passwords["bob"])
	bob.enter("#to-account")
	bob.await("both sessions", `document.querySelectorAll("#sessions li").length === 2`)

	bob.tabTo("#profile-display-name")
	bob.press("by" + kb.Enter) // Tab has selected what stood there
	bob.awaitText("#me-name", "by")

	bob.tabTo("#password-old")
	bob.press("not the password" + kb.Tab + newPassword() + kb.Enter)
	bob.awaitText("#password-form .field .error", "The password is wrong.")
	bob.awaitFocus("#password-old[aria-invalid]")

	bob.enter("#sessions li button")
	bob.await("one session", `document.querySelectorAll("#sessions li").length === 1`)
	call(t, "GET", server.URL+"/me", elsewhere, "", http.StatusUnauthorized, nil)

	bob.enter("#closing-heading ~ details > summary")
	bob.tabTo("#close-account-password")
	bob.press(passwords["bob"] + kb.Enter)
	bob.confirms()
	bob.awaitText("#entry-notice", "Your account is closed.")
	call(t, "POST", server.URL+"/login", "", fmt.Sprintf(`{"username":"bob","password":%q}`, passwords["bob"]), http.StatusUnauthorized, nil)
}
