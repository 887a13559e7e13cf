package client

import (
	"context"
	"net/http"
	"strconv"

	"parley/chat"
)

// Edit gives one of the user's messages another text. chat.ErrNotFound, chat.ErrNotAMember,
// chat.ErrForbidden, chat.ErrInvalid.
func (c *Client) Edit(ctx context.Context, id int64, text string) (chat.Message, error) {
	var m chat.Message
	_, err := c.call(ctx, request{method: http.MethodPatch, path: messagePath(id), body: struct {
		Text string `json:"text"`
	}{text}}, &m)
	return m, err
}

// Delete erases a message's text; a tombstone stays. chat.ErrNotFound, chat.ErrNotAMember,
// chat.ErrForbidden.
func (c *Client) Delete(ctx context.Context, id int64) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: messagePath(id)}, nil)
	return err
}

func messagePath(id int64) string { return "/messages/" + strconv.FormatInt(id, 10) }
