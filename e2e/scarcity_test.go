//go:build unix

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"parley/e2e/need"
)

// withDescriptors starts a server that may have so many descriptors.
func withDescriptors(t *testing.T, n int, arguments ...string) *process {
	t.Helper()
	p := prepared(t, arguments...)
	p.through = []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, n), "sh"}
	p.start()
	return p
}

func TestIdleConnectionsLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	p := withDescriptors(t, 256)
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", ann.login(p).Token, "")
	f.until(t, "ready")

	for range 1000 {
		idle, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
	}
	for i := range 20 {
		stranger := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		response, err := stranger.Get(p.URL + "/readyz")
		if err != nil {
			t.Fatalf("the stranger's request %d: %v", i, err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("the stranger's request %d: %s", i, response.Status)
		}
	}
	ann.post(chatID, "hello")
	if m := messageOf(t, f.until(t, "")); m.Text != "hello" {
		t.Errorf("the stream shows %q", m.Text)
	}
	if closed := metric(t, p, "parley_idle_connections_closed_total"); closed == 0 {
		t.Error("no idle connection was closed")
	}
}

// A server is told to end while its database answers nothing.
func TestADrainOverAFrozenDatabaseEnds(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	p := servePostgres(t, cluster.Database(t), "--signup", "open")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", token, "")
	f.until(t, "ready")
	cluster.Freeze(t)
	defer cluster.Thaw(t)
	var asked sync.WaitGroup
	for _, ask := range []struct{ method, path, body string }{
		{"POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":"hello"}`, chatID)},
		{"GET", "/chats", ""},
	} {
		asked.Go(func() { // again and again, so that some of it is under way when the end comes
			for !p.over() {
				status, answer, err := send(t, ask.method, p.URL+ask.path, token, ask.body)
				if err == nil && status != http.StatusServiceUnavailable {
					t.Errorf("%s %s: %d %s", ask.method, ask.path, status, answer)
				}
			}
		})
	}
	waitFor(t, func() bool { return metric(t, p, "parley_database_up") == 0 })
	began := time.Now()
	if code := p.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// 15 s are promised; the rest is for a busy machine.
	if took := time.Since(began); took > 2*15*time.Second {
		t.Errorf("it took %v", took)
	}
	asked.Wait()
	f.until(t, "bye")
}
