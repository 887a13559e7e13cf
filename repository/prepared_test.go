package repository

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/chat"
)

// readEverything asks r everything that is asked of it with a list or in a transaction.
func readEverything(t *testing.T, r *Repository, actor chat.Actor, id int64) {
	t.Helper()
	_, err := r.User(t.Context(), actor)
	for _, f := range []func() error{
		func() error { _, err := r.MemberChats(t.Context(), actor, wholeList); return err },
		func() error { _, err := r.Members(t.Context(), actor, "den", wholeList); return err },
		func() error { _, err := r.History(t.Context(), actor, "den", chat.HistoryQuery{Limit: 5}); return err },
		func() error { _, err := r.Message(t.Context(), actor, id); return err },
		func() error { _, err := openOne(t, r, actor, "den"); return err },
		func() error { _, err := openOne(t, r, actor, ""); return err },
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

// countKept is how many statements r keeps when all that is read is read.
func countKept(r *Repository) int {
	r.reads.Wait()
	r.statements.mu.Lock()
	defer r.statements.mu.Unlock()
	return len(r.statements.kept)
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
		now := countKept(r)
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
	r.statements.mu.Lock()
	clear(r.statements.kept)
	r.statements.mu.Unlock()
	severalAtOnce(t, 64, func(int) error {
		readEverything(t, r, as["ann"], id)
		return nil
	})
}

// The one connection is taken again before anything can be prepared on it.
func TestAnAnswerDoesNotWaitForWhatIsPreparedBehindIt(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	r.cleaner.close() // they read by themselves
	r.counter.close()
	r.pool.SetMaxOpenConns(1)
	answered, taken := make(chan struct{}), make(chan error, 1)
	began := time.Now()
	_, err := snapshot(t.Context(), r, chat.Actor{}, func(ctx context.Context, h handle) (int64, error) {
		pos, err := h.head(ctx)
		before := r.pool.Stats().WaitCount
		go func() {
			conn, err := r.pool.Connx(context.Background())
			taken <- err
			<-answered
			if err == nil {
				conn.Close()
			}
		}()
		eventually(t, "somebody waits for the connection", func() bool { return r.pool.Stats().WaitCount > before })
		return pos, err
	})
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	close(answered)
	if d := time.Since(began); err != nil || d > readTimeout/2 {
		t.Errorf("answered after %s: %v", d, err)
	}
	if countKept(r) == 0 {
		t.Error("nothing was prepared")
	}
}
