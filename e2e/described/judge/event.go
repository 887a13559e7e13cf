//go:build !race

package main

import (
	"io"
	"net/http"
	"strings"
)

// judgeEvent tells what of an event of a stream is not as described, each in one line.
func (d *description) judgeEvent(object []byte) []string {
	// A page of a stream holds events of the same schema, and is what the library can read.
	page := `{"events":[` + string(object) + `],"cursor":0}`
	r, err := http.NewRequest("GET", "http://parley/stream", http.NoBody)
	if err != nil {
		return []string{err.Error()}
	}
	_, errs := d.answers.ValidateHttpResponse(r, &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(page)), Request: r,
	})
	return answerLines(errs)
}
