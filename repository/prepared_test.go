package repository

import (
	"fmt"
	"slices"
	"testing"

	"parley/chat"
)

// readEverything asks r everything that is asked of it with a list or in a transaction.
func readEverything(t *testing.T, r *Repository, actor chat.Actor, id int64) {
	t.Helper()
	_, err := r.User(t.Context(), actor)
	for _, f := range []func() error{
		func() error { _, err := r.MemberChats(t.Context(), actor); return err },
		func() error { _, err := r.Members(t.Context(), actor, "den"); return err },
		func() error { _, err := r.History(t.Context(), actor, "den", chat.HistoryQuery{Limit: 5}); return err },
		func() error { _, err := r.Message(t.Context(), actor, id); return err },
		func() error { _, err := r.Open(t.Context(), actor, "den"); return err },
		func() error { _, err := r.Open(t.Context(), actor, ""); return err },
		func() error { _, _, err := r.After(t.Context(), 0, 5); return err },
		func() error { _, err := r.ChatAfter(t.Context(), "den", 0, id, 5); return err },
		func() error {
			_, err := r.AccessExpiries(t.Context(), slices.Repeat([]string{actor.Session}, int(id)))
			return err
		},
	} {
		if err == nil {
			err = f()
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestOnSQLiteATextIsPreparedOnce(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	as := signUp(t, r, "ann")
	makeChat(t, r, as["ann"], "den", chat.Private, nil)
	kept := 0
	for round := range 5 {
		id := say(t, r, as["ann"], "den", fmt.Sprint(round)).ID
		readEverything(t, r, as["ann"], id)
		now := len(r.statements.kept)
		switch {
		case round == 0 && now < 10:
			t.Errorf("%d statements are kept", now)
		case round > 0 && now != kept:
			t.Errorf("round %d: there were %d statements, and are %d", round, kept, now)
		}
		kept = now
	}
}

// Each holds a connection of the few that there are while it finds out what is new.
func TestManyWhoBeginAtOnceDoNotWaitForOneAnother(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "sqlite")
	r := s.open(t)
	as := signUp(t, r, "ann")
	makeChat(t, r, as["ann"], "den", chat.Private, nil)
	id := say(t, r, as["ann"], "den", "hello").ID
	r.statements = newStatements(r.pool)
	severalAtOnce(t, 64, func(int) error {
		readEverything(t, r, as["ann"], id)
		return nil
	})
}
