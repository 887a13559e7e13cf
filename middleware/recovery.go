package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"
)

// Recovery turns a panic into the problem `internal` and a line in the log, with
// the stack and nothing of the request. An answer that had begun is broken off,
// so that nobody takes its beginning for the whole. http.ErrAbortHandler, by
// which a handler breaks off its answer on purpose, passes through.
func Recovery(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			log.ErrorContext(c.Request.Context(), "panic",
				"request_id", RequestIDOf(c), "route", routeOf(c), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			begun := c.Writer.Written()
			WriteProblem(c, fmt.Errorf("panic: %v", v))
			if begun {
				panic(http.ErrAbortHandler)
			}
		}()
		c.Next()
	}
}
