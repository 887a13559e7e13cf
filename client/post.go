package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/chat"
)

// Post stores a message, once: it is repeated under the same ClientID for as
// long as there is no answer, or one that asks to try again later (429, 502,
// 503, 504; Retry-After is kept), until the context ends. Then whether it was
// stored is not known; a caller who wants to find out later gives a ClientID of
// his own, otherwise one is made up.
//
// Replayed is set where an earlier request stored the message, be it one of this
// very call whose answer was lost. chat.ErrNotFound, chat.ErrNotAMember,
// chat.ErrIdempotencyMismatch, chat.ErrInvalid.
func (c *Client) Post(ctx context.Context, p chat.Post) (chat.Posted, error) {
	r := postRequest(p)
	wait := backoff{base: 200 * time.Millisecond, limit: 10 * time.Second}
	for {
		var posted chat.Posted
		h, err := c.call(ctx, r, &posted.Message)
		if err == nil {
			posted.Replayed = h.Get("Idempotency-Replayed") == "true"
			return posted, nil
		}
		after, ok := passing(err)
		if !ok {
			return chat.Posted{}, err
		}
		c.log.InfoContext(ctx, "posting again", "error", err)
		if ended := c.pause(ctx, wait.next(after)); ended != nil {
			return chat.Posted{}, fmt.Errorf("%w; the last attempt: %w", ended, err)
		}
	}
}

func postRequest(p chat.Post) request {
	if p.ClientID == "" {
		p.ClientID = newKey()
	}
	r := request{method: http.MethodPost, path: "/messages", body: struct {
		Chat     string `json:"chat"`
		Text     string `json:"text"`
		ReplyTo  int64  `json:"reply_to,omitzero"`
		ClientID string `json:"client_id"`
	}{p.Chat, p.Text, p.ReplyTo, p.ClientID}}
	if p.Origin != "" {
		r.header = http.Header{"X-Origin": {p.Origin}}
	}
	return r
}

// newKey begins with the time (RFC 9562, UUID version 7), so that the service's index of
// keys grows at its end.
func newKey() string { return uuid.Must(uuid.NewV7()).String() }

// Edit replaces the text of one's own message, whatever was changed of it since. It answers
// the message as it is then. chat.ErrNotFound, chat.ErrForbidden, chat.ErrDeleted,
// chat.ErrInvalid.
func (c *Client) Edit(ctx context.Context, id int64, text string) (chat.Message, error) {
	return c.message(ctx, request{method: http.MethodPatch, path: messagePath(id), body: struct {
		Text string `json:"text"`
	}{text}})
}

// EditIf is Edit of the message as the caller knows it: if it has changed since, it stays as
// it is. chat.ErrPreconditionFailed.
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
	if err == nil {
		m.Changed = versionOf(h)
	}
	return m, err
}

func messagePath(id int64) string { return "/messages/" + strconv.FormatInt(id, 10) }

// versionOf is the version of a message that a header names; 0 is none.
func versionOf(h http.Header) int64 {
	version, _ := chat.ParsePosition(strings.Trim(h.Get("ETag"), `"`))
	return version
}
