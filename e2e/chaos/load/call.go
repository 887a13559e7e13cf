package load

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/e2e/chaos/history"
)

// call sends one request and decodes the answer where it is one of 2xx. Status 0 is no answer.
// with are further header fields, each a name and a value.
func (w *World) call(ctx context.Context, base, method, path, token string, body, answer any, with ...string) (status int, header http.Header) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(encoded))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(with); i += 2 {
		req.Header.Set(with[i], with[i+1])
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	if answer != nil && resp.StatusCode < 300 && json.Unmarshal(text, answer) != nil {
		return 0, nil
	}
	return resp.StatusCode, resp.Header
}

// must is a call at the first address that has to be taken. It is repeated on a machine that
// is too busy to answer; what is there already may have been made by the call before.
func (w *World) must(ctx context.Context, method, path, token string, body, answer any) error {
	for attempt, until := 1, time.Now().Add(time.Minute); ; attempt++ {
		status, _ := w.call(ctx, w.bases[0], method, path, token, body, answer)
		switch {
		case status >= 200 && status <= 299, status == http.StatusConflict && attempt > 1:
			return nil
		case status >= 300 && status <= 499, time.Now().After(until), ctx.Err() != nil:
			return fmt.Errorf("%s %s: status %d", method, path, status)
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// logIn begins a session.
func (w *World) logIn(ctx context.Context, base, name string) (*user, error) {
	var answer struct {
		Token        string `json:"token"`
		RefreshToken string `json:"refresh_token"`
	}
	status, _ := w.call(ctx, base, "POST", "/login", "", map[string]any{"username": name, "password": password}, &answer)
	if status != http.StatusOK {
		return nil, fmt.Errorf("logging %s in: status %d", name, status)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, answer.Token, answer.RefreshToken)
	return &user{name: name, token: answer.Token, session: sessionOf(answer.Token)}, nil
}

// Secrets are the password of all users, and every token that they were given but for those
// that the Go client keeps to itself.
func (w *World) Secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{password}, w.tokens...)
}

// sessionOf reads the session out of an access token.
func sessionOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Session string `json:"sid"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Session
}

// try sends a post once. forged names another author in its body.
func (w *World) try(ctx context.Context, base, token string, p *history.Post, forged any) history.Try {
	body := map[string]any{"chat": p.Chat, "text": p.Text}
	if p.Key != "" {
		body["client_id"] = p.Key
	}
	if forged != nil {
		body["author"] = forged
	}
	t := history.Try{Start: w.Record.Since()}
	var header http.Header
	t.Status, header = w.call(ctx, base, "POST", "/messages", token, body, &t.Answer)
	t.End = w.Record.Since()
	t.Replayed = header.Get("Idempotency-Replayed") == "true"
	if t.Status == 200 || t.Status == 201 {
		w.Record.Acknowledged(t.Answer.ID)
		w.posted.Add(1)
	}
	return t
}

// Pages reads the history of every chat, as its owner, from the instance at an address.
func (w *World) Pages(ctx context.Context, addr string) (pages []history.Page, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, id := range w.chats {
		page := history.Page{Chat: id}
		for after := int64(0); ; after = page.Messages[len(page.Messages)-1].ID {
			var part struct {
				Messages []history.Message `json:"messages"`
			}
			path := fmt.Sprintf("/chats/%s/messages?limit=200&after=%d", id, after)
			if status, _ := w.call(ctx, "http://"+addr, "GET", path, w.users[0].token, nil, &part); status != http.StatusOK {
				return nil, fmt.Errorf("reading the history of %s: status %d", id, status)
			}
			if len(part.Messages) == 0 {
				break
			}
			page.Messages = append(page.Messages, part.Messages...)
		}
		pages = append(pages, page)
	}
	return pages, nil
}
