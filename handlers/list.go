package handlers

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// linkNext sets the Link header (RFC 8288) of a page behind which the list goes on. The next
// page is asked for like this one, from the last id on.
func linkNext[T any](c *gin.Context, asked chat.ListQuery, page chat.Page[T], id func(T) string) {
	if !page.More {
		return
	}
	values := queryOf(c).values
	values.Set("limit", strconv.Itoa(asked.Limit))
	values.Set("after", id(page.Items[len(page.Items)-1]))
	c.Header("Link", "<"+middleware.At(c, c.Request.URL.EscapedPath())+"?"+values.Encode()+`>; rel="next"`)
}
