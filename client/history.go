package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"parley/chat"
)

// Message reads one message. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) Message(ctx context.Context, id int64) (chat.Message, error) {
	return c.message(ctx, request{method: http.MethodGet, path: messagePath(id)})
}

// History reads a part of a chat's messages; with a Limit of 0 it is
// [chat.DefaultHistory] of them. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) History(ctx context.Context, chatID string, q chat.HistoryQuery) (chat.History, error) {
	return c.historyAt(ctx, chatPath(chatID)+"/messages", q)
}

// Replies reads a part of the replies to a message, from the oldest on unless q says
// otherwise. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) Replies(ctx context.Context, id int64, q chat.HistoryQuery) (chat.History, error) {
	return c.historyAt(ctx, messagePath(id)+"/replies", q)
}

func (c *Client) historyAt(ctx context.Context, path string, q chat.HistoryQuery) (chat.History, error) {
	query := url.Values{}
	if q.Before != nil {
		query.Set("before", strconv.FormatInt(*q.Before, 10))
	}
	if q.After != nil {
		query.Set("after", strconv.FormatInt(*q.After, 10))
	}
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var part chat.History
	h, err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &part)
	if err != nil {
		return chat.History{}, err
	}
	neighbours := links(h)
	_, part.Earlier = neighbours["prev"]
	_, part.Later = neighbours["next"]
	return part, nil
}

// Messages gives all messages of a chat behind the position after (0 for the
// beginning), oldest first, up to the newest at the time it gets there. An error
// is the last pair. To go on from its end, follow from [After] the last
// message's ID.
func (c *Client) Messages(ctx context.Context, chatID string, after int64) iter.Seq2[chat.Message, error] {
	return func(yield func(chat.Message, error) bool) {
		query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(chat.MaxHistory)}}
		for part, err := range pages[chat.History](ctx, c, chatPath(chatID)+"/messages", query) {
			if err != nil {
				yield(chat.Message{}, err)
				return
			}
			for _, m := range part.Messages {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}
