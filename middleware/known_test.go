package middleware_test

import (
	"errors"
	"testing"
	"time"

	"parley/middleware"
)

func BenchmarkVerifyKnown(b *testing.B) {
	tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{make([]byte, 32)}, TTL: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := tokens.Sign("ann", "s")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tokens.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func TestATokenThatWasGoodEndsAllTheSame(t *testing.T) {
	now := time.Now()
	tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{make([]byte, 32)}, TTL: time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := tokens.Sign("ann", "s")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if actor, err := tokens.Verify(token); err != nil || actor.Username != "ann" {
			t.Fatalf("%+v, %v", actor, err)
		}
	}
	forged := token[:len(token)-2] + "xx"
	for range 2 {
		if _, err := tokens.Verify(forged); !errors.Is(err, middleware.ErrInvalidToken) {
			t.Errorf("a forged one: %v", err)
		}
	}
	now = now.Add(time.Minute)
	if _, err := tokens.Verify(token); !errors.Is(err, middleware.ErrInvalidToken) {
		t.Errorf("after its end: %v", err)
	}
}
