package client

import (
	"context"
	"net/http"
	"net/url"

	"parley/chat"
)

// CreateChat makes a chat of which the user is the owner. chat.ErrChatExists,
// chat.ErrTooManyChats.
func (c *Client) CreateChat(ctx context.Context, n chat.NewChat) (chat.Chat, error) {
	var ch chat.Chat
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/chats", body: struct {
		ID         string          `json:"id,omitzero"`
		Title      string          `json:"title,omitzero"`
		Visibility chat.Visibility `json:"visibility,omitzero"`
	}{n.ID, n.Title, n.Visibility}}, &ch)
	return ch, err
}

// Chats lists the chats that the user is in.
func (c *Client) Chats(ctx context.Context) ([]chat.Chat, error) { return c.chats(ctx, url.Values{}) }

// PublicChats lists the chats that may be joined.
func (c *Client) PublicChats(ctx context.Context) ([]chat.Chat, error) {
	return c.chats(ctx, url.Values{"visibility": {string(chat.Public)}})
}

// mostListed is how many elements a page of a list has at most.
const mostListed = "500"

func (c *Client) chats(ctx context.Context, query url.Values) ([]chat.Chat, error) {
	type page struct {
		Chats []chat.Chat `json:"chats"`
	}
	query.Set("limit", mostListed)
	var all []chat.Chat
	for p, err := range pages[page](ctx, c, "/chats", query) {
		if err != nil {
			return nil, err
		}
		all = append(all, p.Chats...)
	}
	return all, nil
}

// Chat reads one chat. chat.ErrNotFound.
func (c *Client) Chat(ctx context.Context, chatID string) (chat.Chat, error) {
	var ch chat.Chat
	_, err := c.call(ctx, request{method: http.MethodGet, path: chatPath(chatID)}, &ch)
	return ch, err
}

// UpdateChat changes a chat. chat.ErrNotFound, chat.ErrNotAMember,
// chat.ErrForbidden.
func (c *Client) UpdateChat(ctx context.Context, chatID string, change chat.ChatChange) (chat.Chat, error) {
	var ch chat.Chat
	_, err := c.call(ctx, request{method: http.MethodPatch, path: chatPath(chatID), body: struct {
		Title      *string          `json:"title,omitzero"`
		Visibility *chat.Visibility `json:"visibility,omitzero"`
	}{change.Title, change.Visibility}}, &ch)
	return ch, err
}

// DeleteChat ends a chat for everybody. chat.ErrNotFound, chat.ErrNotAMember,
// chat.ErrForbidden.
func (c *Client) DeleteChat(ctx context.Context, chatID string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: chatPath(chatID)}, nil)
	return err
}

// Members lists a chat's members. chat.ErrNotFound, chat.ErrNotAMember.
func (c *Client) Members(ctx context.Context, chatID string) ([]chat.Member, error) {
	type page struct {
		Members []chat.Member `json:"members"`
	}
	var all []chat.Member
	for p, err := range pages[page](ctx, c, chatPath(chatID)+"/members", url.Values{"limit": {mostListed}}) {
		if err != nil {
			return nil, err
		}
		all = append(all, p.Members...)
	}
	return all, nil
}

// PutMember makes a user a member (in a public chat the client's own) or changes
// the member's role. With an empty role a new member is chat.RoleMember and an old
// one stays what it is. chat.ErrNotFound, chat.ErrNotAMember, chat.ErrForbidden,
// chat.ErrLastOwner, chat.ErrTooManyChats.
func (c *Client) PutMember(ctx context.Context, chatID, username string, role chat.Role) (chat.Member, error) {
	var m chat.Member
	_, err := c.call(ctx, request{method: http.MethodPut, path: memberPath(chatID, username), body: struct {
		Role chat.Role `json:"role,omitzero"`
	}{role}}, &m)
	return m, err
}

// RemoveMember ends a membership: the user's own, or another's. chat.ErrNotFound,
// chat.ErrNotAMember, chat.ErrForbidden, chat.ErrLastOwner.
func (c *Client) RemoveMember(ctx context.Context, chatID, username string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: memberPath(chatID, username)}, nil)
	return err
}

func chatPath(chatID string) string { return "/chats/" + url.PathEscape(chatID) }

func memberPath(chatID, username string) string {
	return chatPath(chatID) + "/members/" + url.PathEscape(username)
}
