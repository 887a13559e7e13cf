package rates

import (
	"net/http"
	"strconv"

	"parley/chat"
)

// Refusal refuses a request for its rate. It is a [chat.ErrRateLimited].
type Refusal struct{ standing Standing }

func (r *Refusal) Error() string { return r.standing.terms.name + ": " + chat.ErrRateLimited.Error() }

// Unwrap makes it a [chat.ErrRateLimited].
func (r *Refusal) Unwrap() error { return chat.ErrRateLimited }

// Describe sets in an answer's header which limit was met, and when to ask again.
func (r *Refusal) Describe(h http.Header) {
	h.Del("RateLimit-Policy")
	h.Del("RateLimit")
	r.standing.Describe(h)
	h.Set("Retry-After", strconv.FormatInt(seconds(r.standing.next), 10))
}
