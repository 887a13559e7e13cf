//go:build unix

package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"parley/e2e/need"
)

// The database is stopped, and then frozen, while people post, read and follow:
// everybody has an answer soon, streams stay open and catch up, and it all comes
// back without a hand.
func TestADatabaseThatIsGoneIsAnsweredAndOutlived(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	p := servePostgres(t, cluster.Database(t), "--signup", "open", "--ping", "1s")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", token, "")
	f.until(t, "ready")

	for _, outage := range []struct {
		name        string
		begin, over func(testing.TB)
	}{
		{"stopped", cluster.Crash, cluster.Start},
		{"frozen", cluster.Freeze, cluster.Thaw},
	} {
		t.Run(outage.name, func(t *testing.T) {
			outage.begin(t)
			var asked sync.WaitGroup
			for i := range 20 {
				asked.Go(func() {
					began := time.Now()
					status, answer, err := send(t, "POST", p.URL+"/messages", token,
						fmt.Sprintf(`{"chat":%q,"text":"lost or not %d","client_id":"%s-%d"}`, chatID, i, outage.name, i))
					if err != nil || status != http.StatusServiceUnavailable {
						t.Errorf("a post: %d %s %v", status, answer, err)
					}
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("a post hung for %v", took)
					}
				})
			}
			asked.Go(func() {
				response, err := httpClient().Get(p.URL + "/readyz")
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
					t.Errorf("readyz: %s, Retry-After %q", response.Status, response.Header.Get("Retry-After"))
				}
			})
			asked.Go(func() {
				if status, answer, err := send(t, "GET", p.URL+"/chats", token, ""); err != nil || status != http.StatusServiceUnavailable {
					t.Errorf("a read: %d %s %v", status, answer, err)
				}
			})
			asked.Wait()
			waitFor(t, func() bool { return metric(t, p, "parley_database_up") == 0 })
			f.until(t, "ping")

			outage.over(t)
			text := "after it was " + outage.name
			postOnceBack(t, p, token, chatID, text, time.Now())
			for {
				if m := messageOf(t, f.until(t, "")); m.Text == text {
					break
				}
			}
			waitFor(t, func() bool { return metric(t, p, "parley_database_up") == 1 })
		})
	}
}
