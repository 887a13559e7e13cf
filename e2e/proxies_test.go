package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/client"
	"parley/e2e/need"
)

// serveBehind starts a server that trusts proxies on its machine and drives its
// streams in the given way (PARLEY_STREAMS).
func serveBehind(t testing.TB, way string, arguments ...string) *process {
	t.Helper()
	needProxies(t)
	arguments = append(arguments, "--trusted-proxies", "127.0.0.1/32", "--signup", "open",
		"--listen", "127.0.0.1:"+strconv.Itoa(port(t)), "--data", filepath.Join(t.TempDir(), "data"))
	p := newProcess(t, t.TempDir(), append(cleanEnvironment(), "PARLEY_STREAMS="+way), arguments)
	p.start()
	return p
}

func needProxies(t testing.TB) {
	t.Helper()
	need.Nginx(t)
	need.HAProxy(t)
	need.Caddy(t)
}

// streamWays are the ways in which parley drives its streams.
var streamWays = []string{"auto", "portable"}

func TestAStreamBehindEachProxyIsWhatItIsWithoutOne(t *testing.T) {
	t.Parallel()
	for _, way := range streamWays {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			p := serveBehind(t, way)
			ann := newPerson(t, p)
			for _, f := range append(proxied(t, p), directly(p)) {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					r := proxyReader{T: t, front: f, writer: f.person(t, ann)}
					r.chatID, r.token = r.writer.makeChat(), ann.login(p).Token
					r.isGivenNothingCoded()
					r.isShownTheFirstFrameAtOnce()
					r.isShownEachMessageBeforeTheNext()
					r.goesOnWhereItWas()
				})
			}
		})
	}
}

// proxyReader reads a chat through a front, into which a writer posts through the
// same.
type proxyReader struct {
	*testing.T
	front         *front
	writer        *person
	chatID, token string
}

func (r proxyReader) follow(lastEventID string) *feed {
	r.Helper()
	return r.front.follow(r.T, "/chats/"+r.chatID+"/stream", r.token, lastEventID)
}

// isGivenNothingCoded asks for a stream as one who could read it compressed, and
// for a page, which shows that the proxy does compress.
func (r proxyReader) isGivenNothingCoded() {
	r.Helper()
	f := r.follow("")
	defer f.close()
	want := map[string]string{
		"Content-Type":     "text/event-stream",
		"Cache-Control":    "no-store, no-transform",
		"Content-Encoding": "",
	}
	if r.front.direct { // it is meant for nginx, which keeps it
		want["X-Accel-Buffering"] = "no"
	}
	for name, want := range want {
		if got := f.response.Header.Get(name); got != want {
			r.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	page := r.front.do(r.Context(), r.T, "GET", "/", "", "Accept-Encoding", "gzip")
	page.Body.Close()
	if coding := page.Header.Get("Content-Encoding"); coding != "gzip" && !r.front.direct {
		r.Errorf("the page's coding is %q: this proxy compresses nothing", coding)
	}
}

// isShownTheFirstFrameAtOnce tries several times, because the machine may have
// something else to do. What is held back comes at no try.
func (r proxyReader) isShownTheFirstFrameAtOnce() {
	r.Helper()
	quickest := patience
	for range 5 {
		opened := time.Now()
		f := r.follow("")
		if _, err := f.next(); err != nil {
			r.Fatalf("waiting for the first frame: %v", err)
		}
		quickest = min(quickest, time.Since(opened))
		f.close()
		if quickest < time.Second {
			return
		}
	}
	r.Errorf("the first frame takes %v at the best", quickest)
}

// isShownEachMessageBeforeTheNext also wants that they are not held back for a
// while, as a kernel does which is told that there may be more: for 200 ms each. It
// goes on while the machine has something else to do.
func (r proxyReader) isShownEachMessageBeforeTheNext() {
	r.Helper()
	f := r.follow("")
	defer f.close()
	f.until(r, "ready")
	const quick = 100 * time.Millisecond
	quickest, end := patience, time.Now().Add(patience/2)
	for i := 0; i < 20 || quickest > quick && time.Now().Before(end); i++ {
		text := fmt.Sprintf("one by one %d", i)
		posted := time.Now()
		r.writer.post(r.chatID, text)
		if shown := f.until(r, "").Text(); shown != text {
			r.Fatalf("behind %q it is shown %q", text, shown)
		}
		quickest = min(quickest, time.Since(posted))
	}
	if quickest > quick {
		r.Errorf("a message takes %v at the best", quickest)
	}
}

func (r proxyReader) goesOnWhereItWas() {
	r.Helper()
	f := r.follow("")
	f.until(r, "ready")
	r.writer.post(r.chatID, "the last before the break")
	f.until(r, "")
	f.close()
	missed := []string{"missed 1", "missed 2", "missed 3"}
	for _, text := range missed {
		r.writer.post(r.chatID, text)
	}
	f = r.follow(f.held)
	defer f.close()
	for _, want := range missed {
		if shown := f.until(r, "").Text(); shown != want {
			r.Errorf("after the break it is shown %q, want %q", shown, want)
		}
	}
	f.until(r, "ready")
}

// Pings keep streams open for longer than the proxies let them be silent; without
// pings, the proxies cut them.
func TestPingsKeepAStreamPastTheIdleLimitOfEachProxy(t *testing.T) {
	t.Parallel()
	limit, err := time.ParseDuration(idleLimit)
	if err != nil {
		t.Fatal(err)
	}
	// What is kept is watched for so long, and what is not is cut by then.
	enough, late := limit*3/2, patience/2
	var watching sync.WaitGroup
	watch := func(way, ping string, kept bool) {
		p := serveBehind(t, way, "--ping", ping)
		ann := newPerson(t, p)
		chatID, token := ann.makeChat(), ann.login(p).Token
		for _, f := range proxied(t, p) {
			stream := f.follow(t, "/chats/"+chatID+"/stream", token, "")
			opened := time.Now()
			watching.Go(func() {
				until := opened.Add(late)
				if kept {
					until = opened.Add(enough)
				}
				var cut error
				for cut == nil && time.Now().Before(until) {
					_, cut = stream.next()
				}
				if lasted := time.Since(opened); cut == nil != kept || lasted > late {
					t.Errorf("%s, %s, with a ping every %s: the stream lasts %v, %v", f.name, way, ping, lasted, cut)
				}
			})
		}
	}
	for _, way := range streamWays {
		watch(way, "1s", true)
	}
	watch("auto", "1m", false)
	watching.Wait()
}

// HAProxy hears of it from the second ping that it cannot deliver, the others at
// once.
func TestAClientThatGoesIsMissedBehindEachProxy(t *testing.T) {
	t.Parallel()
	for _, way := range streamWays {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			p := serveBehind(t, way, "--ping", "1s")
			ann := newPerson(t, p)
			chatID, token := ann.makeChat(), ann.login(p).Token
			for _, f := range proxied(t, p) {
				stream := f.follow(t, "/chats/"+chatID+"/stream", token, "")
				stream.until(t, "ready")
				if open := metric(t, p, "parley_streams_open"); open != 1 {
					t.Errorf("behind %s %v streams are open, not one", f.name, open)
				}
				stream.close()
				closed := time.Now()
				waitFor(t, func() bool { return metric(t, p, "parley_streams_open") == 0 })
				// By itself the stream would last for twice as long.
				if took := time.Since(closed); took > patience/2 {
					t.Errorf("behind %s he is missed after %v", f.name, took)
				}
			}
		})
	}
}

// person is somebody in another session, through the front.
func (f *front) person(t testing.TB, who *person) *person {
	t.Helper()
	other := *who
	other.t = t
	other.Client = client.New(f.URL, client.WithHTTPClient(f.client()))
	if _, err := other.LogIn(t.Context(), who.name, who.password); err != nil {
		t.Fatalf("logging in through %s: %v", f.name, err)
	}
	return &other
}

// directly is the server's own address.
func directly(p *process) *front {
	return &front{name: "no proxy", URL: p.URL, transport: transport, direct: true}
}
