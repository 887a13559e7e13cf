package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// answerWithin is how long a request may take from its headers to its answer's last
// byte: the half minute that a client has for sending it, and as much for reading.
const answerWithin = time.Minute

// bounded gives whatever is written from now on a deadline, or a client that never
// reads would hold its request for ever. net/http lifts it behind the answer; a
// stream sets one of its own for each write.
func bounded(within time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		// It fails where there is no connection, as in a test.
		_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(within))
	}
}
