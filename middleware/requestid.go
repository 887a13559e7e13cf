package middleware

import (
	"crypto/rand"

	"github.com/gin-gonic/gin"
)

const (
	requestIDHeader = "X-Request-Id"
	requestIDKey    = "parley/request-id"
	maxRequestID    = 64
)

// RequestID gives the request an id, by which its answer, its problem document
// and its lines in the log are found: the client's own X-Request-Id if it is 1
// to 64 of A-Z, a-z, 0-9, '.', '_' and '-', else a random one. The answer carries
// it in the same header.
func RequestID() gin.HandlerFunc {
	return func(c *gin.Context) {
		var id string
		if sent := c.Request.Header.Values(requestIDHeader); len(sent) == 1 && isRequestID(sent[0]) {
			id = sent[0]
		} else {
			id = rand.Text()
		}
		c.Set(requestIDKey, id)
		c.Writer.Header().Set(requestIDHeader, id)
	}
}

// RequestIDOf is the request's id; empty without [RequestID].
func RequestIDOf(c *gin.Context) string { return c.GetString(requestIDKey) }

// isRequestID keeps out whatever could forge a line of the log or a header.
func isRequestID(s string) bool {
	if len(s) == 0 || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}
