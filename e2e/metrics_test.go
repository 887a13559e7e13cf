package e2e

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// metric reads one sample of /metrics, by its name with its labels; 0 if it is
// not there.
func metric(t testing.TB, p *process, name string) float64 {
	t.Helper()
	response, err := httpClient().Get(p.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

func TestOnePostToOneReaderMovesEachMetric(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token

	before := make(map[string]float64)
	counters := []string{
		`parley_http_requests_total{method="POST",route="/messages",status="201"}`,
		"parley_posts_total",
		"parley_commit_seconds_count",
		"parley_batch_size_count",
		"parley_deliveries_total",
		"parley_tail_position",
		"parley_reader_log_reads_total",
	}
	for _, name := range counters {
		before[name] = metric(t, p, name)
	}
	if open := metric(t, p, "parley_streams_open"); open != 0 {
		t.Errorf("%v streams are open before the first", open)
	}
	// From the beginning, so that the reader is behind what memory holds at first.
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream?after=earliest", token, "")
	f.until(t, "ready")
	if open := metric(t, p, "parley_streams_open"); open != 1 {
		t.Errorf("parley_streams_open is %v", open)
	}
	if behind := metric(t, p, "parley_readers_behind"); behind != 0 {
		t.Errorf("%v readers are behind when the only one is ready", behind)
	}
	call(t, "POST", p.URL+"/messages", token, `{"chat":"`+chatID+`","text":"one message"}`, http.StatusCreated, nil)
	f.until(t, "")
	for _, name := range counters {
		waitFor(t, func() bool { return metric(t, p, name) > before[name] })
	}
	if up := metric(t, p, "parley_database_up"); up != 1 {
		t.Errorf("parley_database_up is %v", up)
	}
	f.close()
	waitFor(t, func() bool { return metric(t, p, "parley_streams_open") == 0 })
	if ended := metric(t, p, `parley_streams_ended_total{reason="gone"}`); ended != 1 {
		t.Errorf("%v streams ended because their client went", ended)
	}
}
