package handlers

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"parley/chat"
)

// writeJSON answers with v. Answers belong to who asked, so nobody may keep them
// for another.
func writeJSON(c *gin.Context, status int, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	writeDocument(c, status, data)
	return nil
}

// encode makes the JSON of an answer, in one line to every client.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	return chat.EscapeLineEnds(data), nil
}

// writeDocument answers with JSON, and ends its line for whoever reads it in a
// terminal.
func writeDocument(c *gin.Context, status int, data []byte) {
	writeBody(c, status, typeJSON, append(data, '\n'))
}

// writeText answers with one value, for a shell to take as it is.
func writeText(c *gin.Context, status int, text string) error {
	writeBody(c, status, typeText+"; charset=utf-8", []byte(text))
	return nil
}

// writeBody answers. That the client is gone by then is nobody's error.
func writeBody(c *gin.Context, status int, contentType string, data []byte) {
	header := c.Writer.Header()
	header.Set("Content-Type", contentType)
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(data)
}

// writeNothing answers 204.
func writeNothing(c *gin.Context) error {
	c.Writer.WriteHeader(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}
