package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/client"
)

// traffic is a chat in which posters post and readers read while the instances that they
// reach are replaced. Every post has a key and is repeated until it is answered.
type traffic struct {
	testing.TB
	owner  *person
	chatID string

	stopping         chan struct{}
	posting, reading sync.WaitGroup

	mu sync.Mutex
	// answered are the ids by text, readers what each was shown.
	answered map[string]int64
	readers  []*trafficReader
}

func newTraffic(t testing.TB, owner *person) *traffic {
	return &traffic{
		TB: t, owner: owner, chatID: owner.makeChat(),
		stopping: make(chan struct{}), answered: make(map[string]int64),
	}
}

// lastWord is the text behind which nothing is posted.
const lastWord = "the very last"

// posters starts two posters at an address: the Go client, and one that repeats by itself.
func (tr *traffic) posters(url string) {
	who, token := tr.at(url, httpClient()), tr.owner.login(&process{URL: url}).Token
	tr.poster("client "+url, func(text string) (int64, error) {
		ctx, cancel := context.WithTimeout(tr.Context(), patience)
		defer cancel()
		posted, err := who.Post(ctx, chat.Post{Chat: tr.chatID, Text: text})
		return posted.Message.ID, err
	})
	tr.poster("raw "+url, func(text string) (int64, error) { return tr.postUntilAnswered(url, token, text) })
}

func (tr *traffic) poster(name string, post func(text string) (int64, error)) {
	tr.posting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-tr.stopping:
				return
			case <-time.After(10 * time.Millisecond): // the machine has other things to do
			}
			text := fmt.Sprintf("%s %d", name, i)
			id, err := post(text)
			if err != nil {
				tr.Errorf("posting %q: %v", text, err)
				return
			}
			tr.mu.Lock()
			tr.answered[text] = id
			tr.mu.Unlock()
		}
	})
}

// at is the owner in a session of its own at an address.
func (tr *traffic) at(url string, h *http.Client) *person {
	tr.Helper()
	who := *tr.owner
	who.Client = client.New(url, client.WithHTTPClient(h))
	if _, err := who.LogIn(tr.Context(), who.name, who.password); err != nil {
		tr.Fatal(err)
	}
	return &who
}

func (tr *traffic) postUntilAnswered(url, token, text string) (int64, error) {
	body := fmt.Sprintf(`{"chat":%q,"text":%q,"client_id":%q}`, tr.chatID, text, rand.Text())
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		status, answer, err := send(tr, "POST", url+"/messages", token, body)
		if err == nil && (status == http.StatusCreated || status == http.StatusOK) {
			var m chat.Message
			err = json.Unmarshal(answer, &m)
			return m.ID, err
		}
		if err == nil && status < http.StatusInternalServerError || time.Now().After(end) {
			return 0, fmt.Errorf("%d %s, %v", status, answer, err)
		}
	}
}

// count is how many posts have been answered.
func (tr *traffic) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.answered)
}

// more waits for so many more answers.
func (tr *traffic) more(n int) {
	tr.Helper()
	before := tr.count()
	waitFor(tr, func() bool { return tr.count() >= before+n })
}

// finish stops the posters, and returns when all readers have been shown the last word.
// Each must have been shown the whole history, and that is what was answered.
func (tr *traffic) finish() {
	tr.Helper()
	close(tr.stopping)
	tr.posting.Wait()
	tr.answered[lastWord] = tr.owner.post(tr.chatID, lastWord).ID
	tr.reading.Wait()
	var stored []int64
	for m, err := range tr.owner.Messages(tr.Context(), tr.chatID, 0) {
		if err != nil {
			tr.Fatal(err)
		}
		if tr.answered[m.Text] != m.ID {
			tr.Errorf("%q is stored as %d and was answered as %d", m.Text, m.ID, tr.answered[m.Text])
		}
		stored = append(stored, m.ID)
	}
	if len(stored) != len(tr.answered) {
		tr.Errorf("%d messages are stored, and %d were answered", len(stored), len(tr.answered))
	}
	for _, r := range tr.readers {
		if !slices.Equal(r.shown, stored) {
			tr.Errorf("%s was shown %d messages\n%v, stored are %d\n%v", r.name, len(r.shown), r.shown, len(stored), stored)
		}
	}
}

// trafficReader is one reader, and what happened to it.
type trafficReader struct {
	name  string
	shown []int64
	// opened is how often it opened a stream, shutdowns how often an instance that drained
	// ended one, retries when it was asked to come back then.
	opened, shutdowns int
	retries           []time.Duration
}

// read starts readers of all kinds at an address, n of each.
func (tr *traffic) read(url string, n int) {
	tr.Helper()
	token := tr.owner.login(&process{URL: url}).Token
	for i := range n {
		for _, path := range []string{"/stream", "/chats/" + tr.chatID + "/stream"} {
			r := tr.reader(fmt.Sprintf("reader %d of %s%s", i, url, path))
			tr.reading.Go(func() {
				ctx, cancel := context.WithTimeout(tr.Context(), 2*patience)
				defer cancel()
				if err := r.follow(ctx, url+path+"?after=earliest", token); err != nil {
					tr.Errorf("%s: %v", r.name, err)
				}
			})
		}
		r := tr.reader(fmt.Sprintf("client %d of %s", i, url))
		h := httpClient()
		h.Transport = countingStreams{h.Transport, r}
		who := tr.at(url, h)
		tr.reading.Go(func() {
			for _, m := range follow(tr, who, tr.chatID, lastWord) {
				r.shown = append(r.shown, m.ID)
			}
		})
	}
}

func (tr *traffic) reader(name string) *trafficReader {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	r := &trafficReader{name: name}
	tr.readers = append(tr.readers, r)
	return r
}

// follow reads as a browser's EventSource does, to the last word: when a stream breaks off it
// comes back after the time that it was asked to wait, with the id that it holds.
func (r *trafficReader) follow(ctx context.Context, url, token string) error {
	held, retry := "", time.Second
	for {
		f, err := openFeed(ctx, url, token, held)
		if err == nil {
			r.opened++
			var over bool
			over, retry, err = r.read(f, retry)
			held = f.held
			f.close()
			if over || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d messages were shown, %w, %w", len(r.shown), ctx.Err(), err)
		case <-time.After(retry):
		}
	}
}

// read reads one stream to its end, and says whether the last word has come, and when to
// come back otherwise.
func (r *trafficReader) read(f *feed, retry time.Duration) (over bool, _ time.Duration, err error) {
	for {
		b, err := f.next()
		switch {
		case err != nil:
			return false, retry, nil
		case b.HasRetry:
			retry = b.Retry
		case b.Name == "reset":
			return false, 0, fmt.Errorf("a reset: %s", b.Data)
		case b.Name == "bye":
			if b.Data != `{"reason":"shutdown"}` {
				return false, 0, fmt.Errorf("the stream ends with %s", b.Data)
			}
			r.shutdowns++
			r.retries = append(r.retries, retry)
		case b.Name == "" && b.HasData:
			var m chat.Message
			if err := json.Unmarshal([]byte(b.Data), &m); err != nil {
				return false, 0, err
			}
			r.shown = append(r.shown, m.ID)
			if m.Text == lastWord {
				return true, 0, nil
			}
		}
	}
}

// countingStreams counts the streams that a client opens.
type countingStreams struct {
	http.RoundTripper
	reader *trafficReader
}

func (c countingStreams) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusOK && response.Header.Get("Content-Type") == "text/event-stream" {
		c.reader.opened++
	}
	return response, err
}
