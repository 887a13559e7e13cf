package handlers

import (
	"net/http"
	"testing"
	"time"
)

func TestAWaitIsReadAsItIsPreferred(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                          0,
		"wait=20":                   20 * time.Second,
		`respond-async, Wait="3"`:   3 * time.Second,
		"wait=5; foo=bar":           5 * time.Second,
		"wait=86400":                maxWait,
		"wait=99999999999999999999": maxWait,
		"wait=-1":                   0,
		"wait=soon":                 0,
		"waiting=9":                 0,
	} {
		if got := preferredWait(http.Header{"Prefer": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
