package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
)

// maxAnswer bounds what is read of an answer: more than the longest part of a
// history, 200 messages of 8,000 characters.
const maxAnswer = 32 << 20

// request is one plain request, before it is known in whose name.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	// body is sent as JSON; nil for none.
	body any
}

// call sends r in the user's name and decodes the answer into answer, unless
// that is nil. A 401 that a new access token may cure is tried once more with
// one.
func (c *Client) call(ctx context.Context, r request, answer any) (http.Header, error) {
	creds, err := c.valid(ctx)
	if err != nil {
		return nil, err
	}
	h, err := c.send(ctx, creds.token, r, answer)
	if creds.refresh == "" || !renewable(err) {
		return h, err
	}
	if creds, err = c.renew(ctx, creds.generation); err != nil {
		return nil, err
	}
	return c.send(ctx, creds.token, r, answer)
}

// send sends r once, under the access token if that is not empty.
func (c *Client) send(ctx context.Context, token string, r request, answer any) (http.Header, error) {
	h, err := c.exchange(ctx, token, r, answer)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return h, nil
}

func (c *Client) exchange(ctx context.Context, token string, r request, answer any) (http.Header, error) {
	attempt, cancel := context.WithTimeout(ctx, c.answerWithin)
	defer cancel()
	req, err := c.newRequest(attempt, token, r)
	if err != nil {
		return nil, err
	}
	c.leaveDead()
	resp, body, err := c.roundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.lost.Store(true)
		return nil, &unanswered{err}
	}
	if resp.StatusCode >= 300 {
		return nil, c.problemOf(resp, body)
	}
	if answer == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return resp.Header, nil
}

func (c *Client) newRequest(ctx context.Context, token string, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// roundTrip also reads the body, because an answer that broke off is none.
func (c *Client) roundTrip(req *http.Request) (*http.Response, []byte, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp, body, err
}
