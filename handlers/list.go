package handlers

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// listUsersOf answers with a page of what a chat has of users, by username, under a name.
func listUsersOf[T any](
	c *gin.Context, name string, username func(T) string,
	read func(ctx context.Context, actor chat.Actor, chatID string, q chat.ListQuery) (chat.Page[T], error),
) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	asked := q.list(chat.CheckAnyUsername)
	if err := q.err(); err != nil {
		return err
	}
	page, err := read(c.Request.Context(), actorOf(c), chatID, asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, username)
	return writeJSON(c, http.StatusOK, map[string][]T{name: page.Items})
}

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
