package middleware_test

import (
	"context"
	"testing"
	"time"

	"parley/chat"
	"parley/middleware"
)

// scripts is what verifies script tokens as a test wants it, and counts them.
type scripts struct {
	actor chat.Actor
	err   error
	asked int
}

func (s *scripts) Verify(context.Context, string) (chat.Actor, error) {
	s.asked++
	return s.actor, s.err
}

func TestABearerWithItsPrefixAloneIsAScriptToken(t *testing.T) {
	s := &scripts{actor: chat.Actor{Username: "ann", Session: "s1", Kind: chat.ScriptToken}}
	tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{testKey}, TTL: time.Minute, Scripts: s})
	if err != nil {
		t.Fatal(err)
	}
	h := build(t, housing{})
	h.Group("", tokens.Authenticate()).GET("/script", whoami)
	ask := func(head ...string) (status int, body string) {
		w := h.ask("GET", "/script", nil, head...)
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: 401 without a challenge", head)
		}
		return w.Code, w.Body.String()
	}
	if status, body := ask("Authorization", "bearer parley_x"); status != 200 || body != "ann s1 false" {
		t.Errorf("%d %s", status, body)
	}
	asked := s.asked
	for _, head := range [][]string{{"Cookie", "parley_token=parley_x"}, {"Authorization", "Bearer Parley_x"}, {"Authorization", "Bearer x.parley_x.x"}} {
		if status, body := ask(head...); status != 401 || s.asked != asked {
			t.Errorf("%q is taken for a script token: %d %s", head, status, body)
		}
	}
	for _, c := range []struct {
		err    *chat.Error
		status int
	}{{chat.ErrBadScriptToken, 401}, {chat.ErrUnavailable, 503}, {chat.ErrBusy, 503}} {
		s.err = c.err
		if status, body := ask("Authorization", "Bearer parley_x"); status != c.status {
			t.Errorf("%s: %d %s", c.err.Code, status, body)
		}
		if err := tokens.NoScript(t.Context(), "parley_x"); err != error(c.err) {
			t.Errorf("of a session of a script that is refused: %v", err)
		}
	}
	s.err = nil
	if err := tokens.NoScript(t.Context(), "parley_x"); err != error(chat.ErrInsufficientScope) {
		t.Errorf("of a script's session: %v", err)
	}
	if err := tokens.NoScript(t.Context(), "x.y.z"); err != nil {
		t.Errorf("of another token: %v", err)
	}
}
