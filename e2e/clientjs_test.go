package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// installed is a folder into which the package of clients/js is installed as it would be
// published, without any registry.
func installed(t *testing.T) string {
	t.Helper()
	npm, folder := need.NPM(t), t.TempDir()
	run := func(arguments ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), npm, arguments...)
		cmd.Dir = folder
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("npm %q: %v\n%s", arguments, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	source, err := filepath.Abs("../clients/js")
	if err != nil {
		t.Fatal(err)
	}
	tarball := run("pack", source, "--silent")
	run("install", "--offline", "--no-audit", "--no-fund", "--silent", "./"+tarball)
	return folder
}

// follower is testdata/client.mjs as it runs in Node.
type follower struct {
	t     *testing.T
	stdin io.WriteCloser
	cmd   *exec.Cmd
	mu    sync.Mutex
	said  [][]string
}

// runFollower starts the script, in a folder with the package, for somebody at an address of
// the service.
func runFollower(t *testing.T, folder, address string, who *person, chatID string) *follower {
	t.Helper()
	script, err := os.ReadFile("testdata/client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "client.mjs")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, cmd: exec.CommandContext(t.Context(), need.Node(t), path, address, who.name, who.password, chatID)}
	f.cmd.Stderr = os.Stderr
	if f.stdin, err = f.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var words []string
			if err := json.Unmarshal(lines.Bytes(), &words); err != nil {
				t.Errorf("the script prints %q", lines.Text())
			}
			f.mu.Lock()
			f.said = append(f.said, words)
			f.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-read
		_ = f.cmd.Wait()
	})
	return f
}

// told are the second words of the lines that begin with a word.
func (f *follower) told(word string) (told []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, words := range f.said {
		if words[0] == word {
			told = append(told, words[1])
		}
	}
	return told
}

func (f *follower) await(word, what string) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !slices.Contains(f.told(word), what); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("the script never says %s %s, but %q", word, what, f.said)
		}
	}
}

func (f *follower) post(text string) {
	f.t.Helper()
	secrets.add("a text", text)
	if _, err := io.WriteString(f.stdin, text+"\n"); err != nil {
		f.t.Fatal(err)
	}
}

// ends closes standard input, and wants the script to end by itself.
func (f *follower) ends() {
	f.t.Helper()
	f.stdin.Close()
	timer := time.AfterFunc(patience, func() { _ = f.cmd.Process.Kill() })
	defer timer.Stop()
	if state, err := f.cmd.Process.Wait(); err != nil || !state.Success() {
		f.t.Errorf("the script ends with %v, %v", state, err)
	}
}

func TestNodePackagePostsAndFollowsOverARestartAndDoublesNothing(t *testing.T) {
	t.Parallel()
	server := serve(t, "--access-ttl", "3s")
	ann := newPerson(t, server)
	chatID := ann.makeChat()
	f := runFollower(t, installed(t), server.URL, ann, chatID)
	f.await("state", "live")
	want := []string{"said before", "cut off", "said without a server", "said by another", "said afterwards"}
	f.post(want[0])
	f.await("message", want[0])

	f.post(want[1]) // whether the log has it, or its answer gets back, is left to chance
	server.Kill()
	f.await("state", "reconnecting")
	f.post(want[2])
	server.Restart()
	f.await("posted", want[2])
	ann.at(server).post(chatID, want[3])
	f.await("message", want[3])
	// The token has been renewed by the stream's own word before it could run out.
	waitFor(t, func() bool { return linesWith(server.Stderr(), "route=/refresh", "status=200") >= 2 })
	f.post(want[4])
	f.await("message", want[4])
	f.await("posted", want[4])
	if got := f.told("message"); !slices.Equal(got, want) {
		t.Errorf("it was given %q, want %q", got, want)
	}
	var stored []string
	for _, m := range readLog(ann, chatID) {
		stored = append(stored, m.Text)
	}
	if !slices.Equal(stored, want) {
		t.Errorf("the log holds %q, want %q", stored, want)
	}
	f.ends()
}

// bufferingProxy gives an answer on when it is whole, as some proxies do.
func bufferingProxy(t *testing.T, p *process) string {
	t.Helper()
	to, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	pass.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		r.Header["X-Forwarded-For"] = nil // or sign-up is closed: it came by a proxy
		pass.ServeHTTP(unflushed{whole}, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes())
	}))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	return proxy.URL
}

// unflushed keeps the proxy from giving parts on.
type unflushed struct{ http.ResponseWriter }

func TestNodePackagePollsBehindAProxyThatBuffers(t *testing.T) {
	t.Parallel()
	server := serve(t)
	ann := newPerson(t, server)
	chatID := ann.makeChat()
	f := runFollower(t, installed(t), bufferingProxy(t, server), ann, chatID)
	f.await("state", "live")
	want := []string{"said first", "said by another", "said last"}
	f.post(want[0])
	f.await("message", want[0])
	ann.post(chatID, want[1])
	f.await("message", want[1])
	f.post(want[2])
	f.await("message", want[2])
	if got := f.told("message"); !slices.Equal(got, want) {
		t.Errorf("it was given %q, want %q", got, want)
	}
	if states := f.told("state"); !slices.Equal(states, []string{"live"}) {
		t.Errorf("it told the states %q", states)
	}
	f.ends()
}

func TestNodePackageEndsWithItsSession(t *testing.T) {
	t.Parallel()
	server := serve(t)
	ann := newPerson(t, server)
	chatID := ann.makeChat()
	f := runFollower(t, installed(t), server.URL, ann, chatID)
	f.await("state", "live")
	login := ann.login(server)
	call(t, "DELETE", server.URL+"/me/sessions", login.Token, "", http.StatusNoContent, nil)
	f.await("end", "over")
	f.await("state", "closed")
	f.ends()
}

// A page of another origin loads the client from the service, follows by tickets, and goes on
// behind a restart and behind a load of its own where it was.
func TestClientOnAPageOfAnotherOriginGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	page, _ := otherSite(t)
	cert, key := certificateFiles(t)
	server := serve(t, "--tls-cert", cert, "--tls-key", key, "--origins", page)
	ann := browse(t, "ann", "about:blank")
	ann.trust()
	ann.do("opening the other site", chromedp.Navigate(page))
	load := fmt.Sprintf(`
		window.heard = [];
		window.loaded = import(%q).then(({ Parley }) => window.parley = new Parley());
		window.follow = () => parley.follow(({ event, data }) => {
			if (event === "message") heard.push(data.text);
		}, { onState: (state) => window.state = state });
		true`, server.URL+"/client.js")
	value[bool](ann, load)
	value[bool](ann, fmt.Sprintf(`(async () => {
		await loaded;
		await parley.call("POST", "users", { username: "ann", password: %[1]q });
		await parley.logIn("ann", %[1]q);
		await parley.call("POST", "chats", { id: "lobby" });
		follow();
	})(); true`, newPassword()))
	ann.await("the stream is open", `window.state === "live"`)
	say := func(text string) {
		t.Helper()
		secrets.add("a text", text)
		value[bool](ann, fmt.Sprintf(`parley.post("lobby", %q), true`, text))
	}
	say("before the restart")
	ann.await("the page hears it", `heard.length === 1`)
	server.Kill()
	server.Restart()
	say("behind the restart")
	ann.await("the page hears that", `heard.length === 2`)
	secrets.add("a token", value[string](ann, `JSON.parse(Object.values(localStorage).find((kept) => kept.includes("refresh"))).token`))
	if linesWith(server.Stderr(), "route=/stream-tickets", "status=201") < 2 {
		t.Error("no ticket opened the stream: this test does not show what it should")
	}

	ann.do("loading the page anew", chromedp.Navigate(page))
	value[bool](ann, load)
	value[bool](ann, `(async () => {
		await loaded;
		await parley.resume();
		await parley.post("lobby", "between two loads");
		follow();
	})(); true`)
	ann.await("the page hears what was said meanwhile", `heard.length === 1`)
	say("behind the load")
	ann.await("the page hears that too", `heard.length === 2`)
	if got := value[string](ann, `heard.join(", ")`); got != "between two loads, behind the load" {
		t.Errorf("the page heard %q", got)
	}
}
