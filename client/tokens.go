package client

import (
	"context"
	"net/http"
	"net/url"

	"parley/chat"
)

// MadeToken is a script token that was just made. Its Secret is told this once; it is used
// as a bearer, by [WithToken] for example.
type MadeToken struct {
	chat.Token
	Secret string `json:"token"`
}

// CreateToken makes a script token for the user. chat.ErrInvalid, chat.ErrForbidden.
func (c *Client) CreateToken(ctx context.Context, r chat.TokenRequest) (MadeToken, error) {
	var made MadeToken
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/me/tokens", body: struct {
		Name      string   `json:"name"`
		Scopes    []string `json:"scopes"`
		Chats     []string `json:"chats,omitzero"`
		ExpiresIn *string  `json:"expires_in,omitzero"`
	}{r.Name, r.Scopes, r.Chats, r.ExpiresIn}}, &made)
	return made, err
}

// Tokens lists the user's script tokens, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]chat.Token, error) {
	type page struct {
		Tokens []chat.Token `json:"tokens"`
	}
	var all []chat.Token
	for p, err := range pages[page](ctx, c, "/me/tokens", url.Values{"limit": {mostListed}}) {
		if err != nil {
			return nil, err
		}
		all = append(all, p.Tokens...)
	}
	return all, nil
}

// RevokeToken ends a script token and its streams. chat.ErrNotFound.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/me/tokens/" + url.PathEscape(id)}, nil)
	return err
}

// Ticket opens one stream, for a program that can send no header, such as a page's
// EventSource on another origin.
type Ticket struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt chat.Time `json:"expires_at"`
}

// StreamTicket makes a ticket for a stream's path; for any of the user's streams where path
// is empty.
func (c *Client) StreamTicket(ctx context.Context, path string) (Ticket, error) {
	var t Ticket
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/stream-tickets", body: struct {
		Path string `json:"path,omitzero"`
	}{path}}, &t)
	return t, err
}
