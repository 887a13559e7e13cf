package described

import "net/http"

// Exchange is a request and its answer, as they were seen on the wire.
type Exchange struct {
	Method string
	// URL is the path and the query.
	URL       string
	Requested http.Header
	Sent      []byte
	Status    int
	Answered  http.Header
	// Answer is the body of a document; nil of anything else.
	Answer []byte
}
