package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"parley/chat"
)

// Edit replaces the text of one's own message, whatever was changed of it since. It answers
// the message as it is then. chat.ErrNotFound, chat.ErrForbidden, chat.ErrDeleted,
// chat.ErrInvalid.
func (c *Client) Edit(ctx context.Context, id int64, text string) (chat.Message, error) {
	return c.message(ctx, request{method: http.MethodPatch, path: messagePath(id), body: struct {
		Text string `json:"text"`
	}{text}})
}

// EditIf is Edit of the message as the caller knows it: if it has changed since, it stays as
// it is. chat.ErrPreconditionFailed. known comes from an answer about this one message, or from
// an event that tells of its change; what lists messages does not say which version it shows, and
// neither does a replay.
func (c *Client) EditIf(ctx context.Context, known chat.Message, text string) (chat.Message, error) {
	return c.message(ctx, request{
		method: http.MethodPatch, path: messagePath(known.ID),
		header: http.Header{"If-Match": {`"` + strconv.FormatInt(known.Version(), 10) + `"`}},
		body: struct {
			Text string `json:"text"`
		}{text},
	})
}

// Delete erases the text of a message: one's own, or any as an admin of the chat.
// chat.ErrNotFound, chat.ErrForbidden.
func (c *Client) Delete(ctx context.Context, id int64) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: messagePath(id)}, nil)
	return err
}

// React adds a reaction, which is one emoji, to a message or, unless on is set, takes it back.
// chat.ErrNotFound, chat.ErrDeleted, chat.ErrTooManyReactions, chat.ErrInvalid.
func (c *Client) React(ctx context.Context, id int64, emoji string, on bool) (chat.Message, error) {
	method := http.MethodDelete
	if on {
		method = http.MethodPut
	}
	return c.message(ctx, request{method: method, path: messagePath(id) + "/reactions/" + url.PathEscape(emoji)})
}

// message asks for something whose answer is a message.
func (c *Client) message(ctx context.Context, r request) (chat.Message, error) {
	var m chat.Message
	h, err := c.call(ctx, r, &m)
	if version := versionOf(h); err == nil && version != m.ID {
		m.Changed = version
	}
	return m, err
}

func messagePath(id int64) string { return "/messages/" + strconv.FormatInt(id, 10) }

// versionOf is the version of a message that a header names; 0 is none.
func versionOf(h http.Header) int64 {
	version, _ := chat.ParsePosition(strings.Trim(h.Get("ETag"), `"`))
	return version
}
