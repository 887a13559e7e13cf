//go:build unix

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/e2e/need"
)

// Each of four instances gives half of every limit, as soon as it has heard of the others: together
// they give twice a limit, whichever of them is asked.
func TestSeveralInstancesHoldTheRateOfPostsWithinAFactorOfTwo(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	var instances []*process
	for range 4 {
		instances = append(instances, servePostgres(t, address, "--signup", "open", "--post-rate", "1"))
	}
	ann := newPerson(t, instances[0])
	chatID, token := ann.makeChat(), ann.login(instances[0]).Token
	for _, p := range instances {
		waitFor(t, func() bool {
			_, header := asks(t, "GET", p.URL+"/stream?timeout=1ms", token, "")
			return header.Get("RateLimit-Policy") == `"streams";q=1200;w=120`
		})
	}
	posted, began := 0, time.Now()
	for _, p := range instances {
		for range 30 {
			switch status, header := asks(t, "POST", p.URL+"/chats/"+chatID+"/messages", token, "hello there"); {
			case status == http.StatusCreated:
				posted++
			case status != http.StatusTooManyRequests || header.Get("Retry-After") == "":
				t.Fatalf("answered %d: %v", status, header)
			}
		}
	}
	// One user may post 20 at once and one a second, here twice that.
	if most := 2 * (20 + int(time.Since(began)/time.Second) + 1); posted < 20 || posted > most {
		t.Errorf("%d were posted, and not 20 to %d", posted, most)
	}
}

// asks sends one request and returns what was answered before its body.
func asks(t *testing.T, method, url, token, text string) (int, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/plain")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := httpClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header
}
