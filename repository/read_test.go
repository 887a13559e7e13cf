package repository

import (
	"context"
	"strings"
	"testing"

	"parley/chat"
)

func TestAPanicInAReadIsItsOwnError(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	for range 2 * r.pool.Stats().MaxOpenConnections { // it keeps neither a connection nor a share of them
		_, err := snapshot(t.Context(), r, chat.Actor{Username: "ann"}, func(context.Context, handle) (int, error) { panic("a mistake") })
		if err == nil || !strings.Contains(err.Error(), "a mistake") {
			t.Fatalf("the read ended with %v", err)
		}
	}
	if _, err := r.ListUsers(t.Context(), operator, chat.UserQuery{ListQuery: wholeList}); err != nil {
		t.Errorf("the next read ended with %v", err)
	}
}
