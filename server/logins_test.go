package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// hammer lets n clients try to log in all the time, until the test's end. Each
// attempt is by the username and from the address that next names for it; an empty
// address is one that no proxy tells.
func (h *house) hammer(n int, next func(attempt int) (username, address string)) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	client := &http.Client{Transport: transport}
	var hammering sync.WaitGroup
	for i := range n {
		hammering.Go(func() {
			for attempt := i; ctx.Err() == nil; attempt += n {
				username, address := next(attempt)
				req, err := http.NewRequestWithContext(ctx, "POST", h.url+"/login", strings.NewReader("username="+username+"&password=wrong-horse"))
				if err != nil {
					panic(err)
				}
				req.Header.Set("Content-Type", asForm)
				if address != "" {
					req.Header.Set("X-Forwarded-For", address)
				}
				if res, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
		})
	}
	h.t.Cleanup(func() {
		stop()
		hammering.Wait()
		transport.CloseIdleConnections()
	})
}

// patience is how long a login may wait for its turn.
const patience = 2 * time.Second

func TestStrangersLogInWhileFortyClientsHammer(t *testing.T) {
	for name, c := range map[string]struct {
		next func(attempt int) (username, address string)
		// from is where ann is.
		from string
	}{
		"made-up usernames at one address": {
			func(attempt int) (string, string) { return fmt.Sprint("made-up-", attempt), "203.0.113.7" }, "198.51.100.9",
		},
		"one username at an address that nobody tells, as is hers": {
			func(int) (string, string) { return "eve", "" }, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, func(s *settings) { s.TrustedProxies, s.Signup, s.Limits = "127.0.0.1", "open", "off" })
			h.user("ann")
			h.hammer(40, c.next)
			headers := []string{"Content-Type", asForm}
			if c.from != "" {
				headers = append(headers, "X-Forwarded-For", c.from)
			}
			// On a loaded machine, and under the race detector, the two hashes before
			// ann's may take longer than she may wait. Then she tries again, however often.
			for served := 0; served < 8; {
				start := time.Now()
				a := h.do("POST", "/login", "username=ann&password="+password, headers...)
				if a.status == 503 && time.Since(start) >= patience {
					continue
				}
				a.want(200)
				served++
			}
		})
	}
}
