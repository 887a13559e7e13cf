package middleware

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
)

// LimitBody refuses bodies of more than n bytes: at once where the request says
// its length, else by [ErrTooLarge] from the read that passes n. A body that does
// not come to its end is [ErrBrokenBody] from the read that finds out.
func LimitBody(n int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.ContentLength > n {
			WriteProblem(c, ErrTooLarge)
			return
		}
		if c.Request.Body != nil {
			c.Request.Body = body{http.MaxBytesReader(c.Writer, c.Request.Body, n)}
		}
	}
}

// body turns the ways in which reading fails into refusals, so that no reader has
// to.
type body struct{ io.ReadCloser }

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF:
		return n, err
	case errors.As(err, &tooLarge):
		return n, ErrTooLarge
	default:
		return n, fmt.Errorf("%w: %w", ErrBrokenBody, err)
	}
}
