package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"parley/chat"
	"parley/e2e/sse"
)

// feed is one stream, read strictly and with no comfort: what it breaks off with
// is its end.
type feed struct {
	*sse.Reader
	response *http.Response
	cancel   context.CancelFunc
	// held is the id that a browser would hold.
	held string
}

// errTryAgain is a refusal for now.
var errTryAgain = errors.New("the service is busy")

// openFeed opens a stream and returns once its head is there.
func openFeed(ctx context.Context, url, token, lastEventID string) (*feed, error) {
	ctx, cancel := context.WithCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := httpClient().Do(request)
	if err != nil {
		cancel()
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		cancel()
		if response.StatusCode == http.StatusServiceUnavailable {
			return nil, errTryAgain
		}
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return &feed{sse.NewReader(response.Body), response, cancel, lastEventID}, nil
}

// mustOpenFeed opens a stream that is closed with its test.
func mustOpenFeed(t testing.TB, url, token, lastEventID string) *feed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	f, err := openFeed(ctx, url, token, lastEventID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

// next is the next block, with which the feed's place moves on.
func (f *feed) next() (sse.Block, error) {
	b, err := f.Reader.Next()
	if err == nil && b.HasID {
		f.held = b.ID
	}
	return b, err
}

// until reads to the first event of that name, "" for a message, and returns it.
func (f *feed) until(t testing.TB, name string) sse.Block {
	t.Helper()
	for {
		b, err := f.next()
		if err != nil {
			t.Fatalf("waiting for %q: %v", name, err)
		}
		if b.HasData && b.Name == name {
			return b
		}
	}
}

func (f *feed) close() {
	f.cancel()
	f.response.Body.Close()
}

// messageOf decodes a message's block.
func messageOf(t testing.TB, b sse.Block) chat.Message {
	t.Helper()
	var m chat.Message
	if err := json.Unmarshal([]byte(b.Data), &m); err != nil {
		t.Fatalf("%v in %s", err, b.Data)
	}
	if fmt.Sprint(m.ID) != b.ID {
		t.Errorf("message %d came under the id %q", m.ID, b.ID)
	}
	return m
}
