package handlers

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
	"parley/rates"
)

func TestOfGuessesOnlyWrongOnesCount(t *testing.T) {
	policy := rates.Policy{ByAddress: rates.NewMeter(rates.Limit{Name: "invites", Quota: 3, Window: time.Hour}, new(rates.Share))}
	engine := newEngine()
	engine.Use(middleware.Problems())
	answers := map[string]error{"right": nil, "wrong": chat.ErrNotFound, "bad": chat.ErrBadRefreshToken, "busy": chat.ErrBusy, "odd": chat.ErrInvalid}
	engine.POST("/invites/:code", step(func(c *gin.Context) error {
		return guess(c, policy, func() error { return answers[c.Param("code")] })
	}))
	ask := func(code, from string) int {
		r := httptest.NewRequest("POST", "/invites/"+code, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		return w.Code
	}
	for range 10 {
		for code, status := range map[string]int{"right": 200, "busy": 503, "odd": 400} {
			if got := ask(code, "203.0.113.7:1"); got != status {
				t.Fatalf("%s: %d", code, got)
			}
		}
	}
	for i, want := range []int{404, 401, 404, 429} {
		code := []string{"wrong", "bad"}[i%2]
		if got := ask(code, "203.0.113.7:1"); got != want {
			t.Errorf("%d: %d and not %d", i, got, want)
		}
	}
	if got := ask("right", "203.0.113.7:1"); got != http.StatusTooManyRequests {
		t.Errorf("behind three wrong ones: %d", got)
	}
	if got := ask("right", "203.0.113.8:1"); got != http.StatusOK {
		t.Errorf("from elsewhere: %d", got)
	}
}
