package client

import (
	"testing"
	"time"

	"github.com/r3labs/sse/v2"
)

func TestAServicesRetryIsBelievedUpToAnHour(t *testing.T) {
	for retry, want := range map[string]time.Duration{
		"0": 0, "1500": 1500 * time.Millisecond, "2147483647": time.Hour,
		"9999999999999": firstRetry, "999999999999999999": firstRetry, "-1": firstRetry, "x": firstRetry, "": firstRetry,
	} {
		f := &follower{retry: backoff{base: firstRetry, limit: maxRetry}}
		if err := f.take(t.Context(), &sse.Event{Retry: []byte(retry)}); err != nil {
			t.Fatal(err)
		}
		if f.retry.base != want {
			t.Errorf("retry %q: %v, want %v", retry, f.retry.base, want)
		}
		if wait := f.retry.next(0); wait < want {
			t.Errorf("retry %q: waits %v", retry, wait)
		}
	}
}
