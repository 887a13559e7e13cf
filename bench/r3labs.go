package main

import (
	"bufio"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/r3labs/sse/v2"
)

// serveR3labs is the server of r3labs/sse under gin as a role: what one builds in
// an afternoon, with a stream for each chat, all of it in memory.
func serveR3labs(in *bufio.Reader) error {
	gin.SetMode(gin.ReleaseMode)
	gin.DefaultWriter = io.Discard
	events := sse.New()
	// Kept events would be sent to every new reader.
	events.AutoReplay = false
	events.AutoStream = true
	var id atomic.Int64
	engine := gin.New()
	engine.GET("/chats/:chat/stream", func(c *gin.Context) {
		query := c.Request.URL.Query()
		query.Set("stream", c.Param("chat"))
		c.Request.URL.RawQuery = query.Encode()
		events.ServeHTTP(c.Writer, c.Request)
	})
	engine.POST("/chats/:chat/messages", func(c *gin.Context) {
		message, err := posted(c.Request, c.Param("chat"), id.Add(1))
		if err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		events.Publish(c.Param("chat"), &sse.Event{Data: message})
		c.Data(http.StatusCreated, "application/json", message)
	})
	return serveRival(in, engine)
}
