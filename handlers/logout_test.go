package handlers

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"parley/chat"
	"parley/middleware"
)

// away is an account service whose store does not answer.
type away struct{ Accounts }

func (away) LogOut(context.Context, string) error               { return chat.ErrUnavailable }
func (away) LogOutByRefreshToken(context.Context, string) error { return chat.ErrUnavailable }

func TestALogoutThatEndsNothingClearsNothing(t *testing.T) {
	tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{make([]byte, 32)}, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := tokens.Sign("ann", "s1")
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{
		Accounts: away{}, Tokens: tokens, Cookies: middleware.NewCookies("", ""), Origins: middleware.NewOrigins(nil),
		Log: slog.New(slog.DiscardHandler), AccessLog: io.Discard,
	})
	for _, cookie := range []string{"parley_token=" + token, "parley_refresh=one", "parley_token=rubbish; parley_refresh=one"} {
		r := httptest.NewRequest(http.MethodPost, "/logout", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
			t.Errorf("%d, cookies %v", w.Code, w.Result().Cookies())
		}
	}
}
