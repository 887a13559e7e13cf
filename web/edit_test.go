package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// overtaken is a page on which ann has saved an edit of message 9 of the lobby that another
// one was quicker than.
type overtaken struct {
	t   *testing.T
	ctx context.Context
	// reloads gets the answer to each reload behind the refusal, which waits for it.
	reloads chan string
	// asked gets a value when such a reload begins.
	asked chan struct{}
	// sent gets what the page wants to be stored behind the refusal, as method, path and text.
	sent chan string
}

func overtake(t *testing.T) *overtaken {
	t.Helper()
	const when = `"created_at":"2026-01-02T03:04:05.678Z"`
	const message = `{"id":9,"seq":3,"chat":"lobby","author":"ann","text":"as it was",` + when + `}`
	answers := lobby()
	delete(answers, "POST /messages")
	answers["GET /chats"] = `{"chats":[` +
		`{"id":"lobby","title":"","visibility":"public","role":"member","head":9,"unread":0,"last_message":` + message + `,` + when + `},` +
		`{"id":"hall","title":"","visibility":"public","role":"member","head":9,"unread":0,"last_message":null,` + when + `}]}`
	answers["GET /chats/lobby/messages"] = `{"messages":[` + message + `],"cursor":9}`
	for at, answer := range lobby() {
		if strings.Contains(at, "/chats/lobby") {
			answers[strings.Replace(at, "lobby", "hall", 1)] = answer
		}
	}
	for _, chatID := range []string{"lobby", "hall"} {
		answers["PUT /chats/"+chatID+"/read"] = `{}`
	}

	page := &overtaken{t: t, reloads: make(chan string), asked: make(chan struct{}, 10), sent: make(chan string, 10)}
	refused := make(chan struct{})
	posted := func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Chat, Text string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		select {
		case <-refused:
			page.sent <- strings.TrimSpace(r.Method + " " + body.Chat + ": " + body.Text)
			fmt.Fprintf(w, `{"id":10,"seq":4,"chat":%q,"author":"ann","text":%q,`+when+`}`, body.Chat, body.Text)
		default:
			close(refused)
			w.WriteHeader(http.StatusPreconditionFailed)
			fmt.Fprint(w, `{"status":412,"code":"precondition_failed","detail":"The message was changed meanwhile."}`)
		}
	}
	handlers := map[string]http.HandlerFunc{
		"PATCH /messages/9": posted,
		"POST /messages":    posted,
		"GET /messages/9": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("ETag", `"2"`)
			answer := message
			select {
			case <-refused:
				page.asked <- struct{}{}
				select {
				case answer = <-page.reloads:
				case <-r.Context().Done():
					return
				}
			default:
			}
			if answer == "" {
				w.WriteHeader(http.StatusNotFound)
				answer = `{"status":404,"code":"message_not_found","detail":"There is no such message."}`
			}
			fmt.Fprint(w, answer)
		},
	}
	address, _ := serveBy(t, answers, handlers)
	page.ctx = browse(t)
	err := chromedp.Do(page.ctx,
		remembered(address),
		chromedp.Navigate(address+"#/lobby"),
		chromedp.WaitVisible(chromedp.CSS(`#status[data-state="live"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#messages [data-id="9"]`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	evaluate[bool](t, page.ctx, `window.unhandled = 0, addEventListener("unhandledrejection", () => unhandled++), true`)
	page.do(`document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true, cancelable: true }))`)
	page.await(`document.getElementById("send").textContent === "Save"`)
	page.enter("as ann wants it")
	<-page.asked
	return page
}

func (p *overtaken) do(expression string) {
	p.t.Helper()
	evaluate[bool](p.t, p.ctx, expression+`, true`)
}

// enter writes a text into the box and presses Enter.
func (p *overtaken) enter(text string) {
	p.t.Helper()
	p.write(text)
	p.do(`document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }))`)
}

func (p *overtaken) write(text string) {
	p.t.Helper()
	p.do(fmt.Sprintf(`document.getElementById("text").value = %q, document.getElementById("text").dispatchEvent(new InputEvent("input", { bubbles: true }))`, text))
}

func (p *overtaken) await(condition string) {
	p.t.Helper()
	for !evaluate[bool](p.t, p.ctx, condition) {
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("never: %s", condition)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// reloaded answers the reload with a text, or refuses it, and waits until the page knows.
func (p *overtaken) reloaded(text string) {
	p.t.Helper()
	p.do(`window.answered = 0, window.plain ??= Response.prototype.json, Response.prototype.json = function () {
		const one = this.url.endsWith("/messages/9") ? 1 : 0;
		return plain.call(this).finally(() => setTimeout(() => answered += one));
	}`)
	answer := ""
	if text != "" {
		answer = fmt.Sprintf(`{"id":9,"seq":3,"chat":"lobby","author":"ann","text":%q,"created_at":"2026-01-02T03:04:05.678Z"}`, text)
	}
	p.reloads <- answer
	p.await(`answered > 0`)
}

// sends presses Enter behind a text, and wants to see what comes of it.
func (p *overtaken) sends(text, want string) {
	p.t.Helper()
	p.enter(text)
	select {
	case got := <-p.sent:
		if got != want {
			p.t.Errorf("the page sends %q, want %q", got, want)
		}
	case <-p.ctx.Done():
		p.t.Fatal("the page sends nothing")
	}
}

func TestAnOvertakenEditIsNotContinuedInAnotherChat(t *testing.T) {
	page := overtake(t)
	page.do(`location.hash = "#/hall"`)
	page.await(`document.getElementById("room-title").textContent === "hall" && document.getElementById("send").textContent === "Send"`)
	page.write("for the hall")
	page.reloaded("as bob wants it")
	if says := evaluate[string](t, page.ctx, `document.getElementById("composer-error").textContent`); says != "" {
		t.Errorf("the other chat's box says %q", says)
	}
	page.sends("for the hall", "POST hall: for the hall")
}

func TestAnOvertakenEditIsNotContinuedOnceItIsGivenUp(t *testing.T) {
	page := overtake(t)
	page.do(`document.getElementById("about-cancel").click()`)
	page.reloaded("as bob wants it")
	page.sends("something new", "POST lobby: something new")
}

func TestAnOvertakenEditThatCannotBeReadAgainSaysSo(t *testing.T) {
	page := overtake(t)
	page.reloaded("")
	page.await(`document.getElementById("composer-error").textContent !== "" || unhandled > 0`)
	if says := evaluate[string](t, page.ctx, `document.getElementById("composer-error").textContent`); says != "Not changed. There is no such message." {
		t.Errorf("the box says %q", says)
	}
	if unhandled := evaluate[int](t, page.ctx, `unhandled`); unhandled != 0 {
		t.Errorf("%d rejections were not handled", unhandled)
	}
	// The text is still there, and the next attempt is an edit.
	if box := evaluate[string](t, page.ctx, `document.getElementById("text").value`); box != "as ann wants it" {
		t.Errorf("the box holds %q", box)
	}
	page.sends("as ann wants it", "PATCH : as ann wants it")
}
