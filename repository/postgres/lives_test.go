package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"testing"
)

// goodConn is a connection that is in order.
type goodConn struct{ pqConn }

func (goodConn) IsValid() bool                      { return true }
func (goodConn) ResetSession(context.Context) error { return nil }

func TestConnectionsOfAFormerLifeAreUsedNoMore(t *testing.T) {
	t.Parallel()
	changes := 0
	lives := &Lives{log: slog.New(slog.NewTextHandler(io.Discard, nil)), changed: func() { changes++ }, former: make(map[string]bool)}
	open := func(life string) *lifeConn {
		t.Helper()
		if err := lives.begin(life); err != nil {
			t.Fatal(err)
		}
		return &lifeConn{goodConn{}, life, lives}
	}
	usable := func(c *lifeConn) bool {
		t.Helper()
		err := c.ResetSession(t.Context())
		if err != nil && !errors.Is(err, driver.ErrBadConn) || c.IsValid() != (err == nil) || c.isCurrent() != (err == nil) {
			t.Errorf("reset %v, valid %v, current %v", err, c.IsValid(), c.isCurrent())
		}
		return err == nil
	}
	first, second := open("one"), open("one")
	if !usable(first) || !usable(second) {
		t.Error("connections of the one life are not used")
	}
	promoted := open("two")
	if usable(first) || usable(second) || !usable(promoted) {
		t.Error("a connection of the former life is used, or one of the present is not")
	}
	if err := lives.begin("one"); !errors.Is(err, errFormerLife) {
		t.Errorf("a connection is made to the former life: %v", err)
	}
	if !usable(promoted) {
		t.Error("an attempt to go back changes the present life")
	}
	if changes != 1 {
		t.Errorf("%d changes were told of", changes)
	}
}
