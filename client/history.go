package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"parley/chat"
)

// Message reads one message. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) Message(ctx context.Context, id int64) (chat.Message, error) {
	var m chat.Message
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/messages/" + strconv.FormatInt(id, 10)}, &m)
	return m, err
}

// History reads a part of a chat's messages; with a Limit of 0 it is
// [chat.DefaultHistory] of them. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) History(ctx context.Context, chatID string, q chat.HistoryQuery) (chat.History, error) {
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
	h, err := c.call(ctx, request{method: http.MethodGet, path: chatPath(chatID) + "/messages", query: query}, &part)
	if err != nil {
		return chat.History{}, err
	}
	part.Earlier, part.Later = neighbours(h)
	return part, nil
}

// Messages gives all messages of a chat behind the position after (0 for the
// beginning), oldest first, up to the newest at the time it gets there. An error
// is the last pair. To go on from its end, follow from [After] the last
// message's ID.
func (c *Client) Messages(ctx context.Context, chatID string, after int64) iter.Seq2[chat.Message, error] {
	return func(yield func(chat.Message, error) bool) {
		for place := after; ; {
			part, err := c.History(ctx, chatID, chat.HistoryQuery{After: &place, Limit: chat.MaxHistory})
			if err != nil {
				yield(chat.Message{}, err)
				return
			}
			for _, m := range part.Messages {
				if !yield(m, nil) {
					return
				}
				place = m.ID
			}
			if len(part.Messages) < chat.MaxHistory {
				return
			}
		}
	}
}

// neighbours reads from Link (RFC 8288) whether there are messages before and
// after a part of the history. The direction is told by the parameter that the
// link's own address carries.
func neighbours(h http.Header) (earlier, later bool) {
	for link := range links(h) {
		earlier = earlier || link.Query().Has("before")
		later = later || link.Query().Has("after")
	}
	return earlier, later
}

// links are the addresses in Link.
func links(h http.Header) iter.Seq[*url.URL] {
	return func(yield func(*url.URL) bool) {
		for _, line := range h.Values("Link") {
			for rest := line; ; {
				_, link, ok := strings.Cut(rest, "<")
				if !ok {
					break
				}
				link, rest, _ = strings.Cut(link, ">")
				if u, err := url.Parse(link); err == nil && !yield(u) {
					return
				}
			}
		}
	}
}
