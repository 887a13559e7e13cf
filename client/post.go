package client

import (
	"context"
	"fmt"
	"net/http"
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
