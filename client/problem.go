package client

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"parley/chat"
)

// Problem is a refusal by the service (RFC 9457), or by something before it that
// answers without a problem document; then Code is empty.
type Problem struct {
	Status int       `json:"status"`
	Code   chat.Code `json:"code"`
	Title  string    `json:"title"`
	// Detail is a sentence for a person.
	Detail string `json:"detail"`
	// RequestID is the one under which the service logged the request.
	RequestID string `json:"request_id"`
	// Fields names the parts of the request that are no good.
	Fields []chat.FieldError `json:"errors"`
	// RetryAfter is how long the service asks to wait before trying again; 0 where
	// it did not say.
	RetryAfter time.Duration `json:"-"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", p.Status)
	if p.Code != "" {
		fmt.Fprintf(&b, " %s", p.Code)
	}
	if p.Detail != "" {
		fmt.Fprintf(&b, ": %s", p.Detail)
	} else {
		fmt.Fprintf(&b, ": %s", p.Title)
	}
	for _, f := range p.Fields {
		fmt.Fprintf(&b, " %s: %s.", f.Field, f.Message)
	}
	if p.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", p.RequestID)
	}
	return b.String()
}

// Is says that p has the code of target, a [*chat.Error].
func (p *Problem) Is(target error) bool {
	e, ok := target.(*chat.Error)
	return ok && p.Code != "" && p.Code == e.Code
}

// passing says that the same request may well succeed later.
func (p *Problem) passing() bool {
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// problemOf reads a refusal from an answer whose body has been read.
func (c *Client) problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(body, p) != nil {
		p = &Problem{Title: http.StatusText(resp.StatusCode)}
	}
	// What was sent counts, not what the document says of it.
	p.Status = resp.StatusCode
	p.RetryAfter = c.retryAfter(resp.Header)
	return p
}

// retryAfter reads RFC 9110 section 10.2.3, both forms.
func (c *Client) retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(c.now()))
	}
	return 0
}

// unanswered is the error of a request that may or may not have taken effect:
// no whole answer to it came back.
type unanswered struct{ err error }

func (e *unanswered) Error() string { return "no answer: " + e.err.Error() }
func (e *unanswered) Unwrap() error { return e.err }

// passing says that what failed with err may well succeed later, and how long
// the service asks to wait.
func passing(err error) (after time.Duration, ok bool) {
	if p, is := errors.AsType[*Problem](err); is {
		return p.RetryAfter, p.passing()
	}
	_, ok = errors.AsType[*unanswered](err)
	return 0, ok
}

// renewable says that a 401 may be cured by a new access token.
func renewable(err error) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Status == http.StatusUnauthorized && !errors.Is(p, chat.ErrSessionEnded)
}
