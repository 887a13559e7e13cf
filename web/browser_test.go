package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// browse opens a browser that ends with the test.
func browse(t *testing.T) context.Context {
	t.Helper()
	// Not the test's own folder: a browser that is slow to end writes to it while it is
	// removed, which would fail the test.
	profile, err := os.MkdirTemp("", "parley-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(10 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need.Chromium(t)), chromedp.UserDataDir(profile), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// serve mounts the page below a base path, as it may be, beside answers, given
// as method, path and JSON; everything else is refused as to somebody who is not
// signed in. The browser reports what the page's policy stops.
func serve(t *testing.T, answers map[string]string) (address string, stopped <-chan string) {
	t.Helper()
	return serveBy(t, answers, nil)
}

// serveBy serves the page as serve does, with handlers of the test's own besides, given as
// method and path.
func serveBy(t *testing.T, answers map[string]string, handlers map[string]http.HandlerFunc) (address string, stopped <-chan string) {
	t.Helper()
	reports := make(chan string, 100)
	mux := http.NewServeMux()
	for _, at := range Routes() {
		if at == "/" {
			at = "/{$}"
		}
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy-Report-Only", policy+"; report-uri /base/report")
			Handler().ServeHTTP(w, r)
		})
	}
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		report, _ := io.ReadAll(r.Body)
		reports <- string(report)
	})
	for at, answer := range answers {
		mux.HandleFunc(at, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, answer)
		})
	}
	for at, handle := range handlers {
		mux.HandleFunc(at, handle)
	}
	if handlers["GET /stream"] == nil {
		mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "id: 9\n\nevent: ready\ndata: {\"head\":9}\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"status":401,"code":"unauthenticated","detail":"Log in first."}`)
	})
	server := httptest.NewServer(http.StripPrefix("/base", mux))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/base/", reports
}

// remembered has the page at the address remember a session, as it does behind a login.
func remembered(address string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if err := chromedp.Do(ctx, chromedp.Navigate(address+"assets/favicon.svg")); err != nil {
			return err
		}
		_, err := chromedp.Run(ctx, chromedp.Evaluate[any](`localStorage.setItem("parley.session", '{"username":"ann","deadline":0,"life":0}')`))
		return err
	})
}

// evaluate returns what an expression is worth in the page.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// markup tries what the policy forbids and tells which error came of it.
const markup = `(() => {
	try {
		document.querySelector("h1").innerHTML = "<b>markup</b>";
		return "nothing";
	} catch (error) {
		return error.name;
	}
})()`

func TestAStrangerIsShownTheDoorAndThePolicyStopsNothingOfThePage(t *testing.T) {
	address, stopped := serve(t, nil)
	ctx := browse(t)
	err := chromedp.Do(ctx,
		chromedp.Navigate(address),
		chromedp.WaitVisible(chromedp.CSS("#login-form")),
		chromedp.Click(chromedp.CSS("#show-signup")),
		chromedp.WaitVisible(chromedp.CSS("#signup-form")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if at := evaluate[string](t, ctx, `document.activeElement.id`); at != "signup-username" {
		t.Errorf("the keyboard is at #%s, want #signup-username", at)
	}

	// The first report has to be of this, which shows that they come.
	if got := evaluate[string](t, ctx, markup); got != "TypeError" {
		t.Errorf("making markup of a string was answered by %s, want a TypeError", got)
	}
	select {
	case report := <-stopped:
		if !strings.Contains(report, `"effective-directive":"require-trusted-types-for"`) {
			t.Errorf("the policy stopped something of the page: %s", report)
		}
	case <-ctx.Done():
		t.Fatal("nothing was reported")
	}
}

func TestATextIsShownAsText(t *testing.T) {
	const text = `<img src=x onerror="document.title='owned'"> & <b>bold</b>`
	quoted := strings.ReplaceAll(text, `"`, `\"`)
	const when = `"created_at":"2026-01-02T03:04:05.678Z"`
	message := `{"id":9,"seq":2,"chat":"lobby","author":"bob","text":"` + quoted + `",` + when + `}`
	chat := `{"id":"lobby","title":"` + quoted + `","visibility":"public","role":"member","head":9,"unread":1,"last_message":` + message + `,` + when + `}`
	address, _ := serve(t, map[string]string{
		"GET /me":                   `{"username":"ann","display_name":"` + quoted + `",` + when + `}`,
		"GET /chats":                `{"chats":[` + chat + `]}`,
		"GET /chats/lobby/messages": `{"messages":[` + message + `],"cursor":9}`,
		"GET /chats/lobby/presence": `{"present":["bob"]}`,
		"PUT /chats/lobby/read":     `{}`,
		"GET /chats/lobby/members":  `{"members":[{"username":"bob","display_name":"` + quoted + `","role":"member"}]}`,
	})
	ctx := browse(t)
	err := chromedp.Do(ctx,
		remembered(address),
		chromedp.Navigate(address),
		chromedp.WaitVisible(chromedp.CSS(`#status[data-state="live"]`)),
		chromedp.Click(chromedp.CSS(`[data-chat="lobby"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#messages [data-id="9"]`)),
		chromedp.Click(chromedp.CSS(`#open-details`)),
		chromedp.WaitVisible(chromedp.CSS(`#members [data-username="bob"]`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{"#messages .text", "#room-title", "#me-name", "#chats .name", "#details-heading", "#members .name"} {
		if got := evaluate[string](t, ctx, `document.querySelector("`+shown+`").textContent`); got != text {
			t.Errorf("%s shows %q, want %q", shown, got, text)
		}
	}
	if made := evaluate[int](t, ctx, `document.querySelectorAll("b, [onerror]").length`); made != 0 {
		t.Errorf("%d elements were made of texts", made)
	}
}
