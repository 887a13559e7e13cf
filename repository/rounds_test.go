package repository

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// finishEndings does all that can be done about what has ended, and says whether it erased
// anything.
func finishEndings(t *testing.T, r *Repository) (erased bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	erased, err := r.finishEndings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return erased
}

func wantEndings(t *testing.T, r *Repository, want int64) {
	t.Helper()
	if n := number(t, r, `SELECT count(*) FROM endings`); n != want {
		t.Errorf("%d endings are left, want %d", n, want)
	}
}

// withADeletedChat has a deleted chat whose messages are yet to be erased.
func withADeletedChat(t *testing.T, s *store, messages int64) *Repository {
	t.Helper()
	r := beforeTheCleaner(t, s)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	fillChat(t, r, "den", "ann", messages)
	wantRefusal(t, r.DeleteChat(t.Context(), ann, "den"), nil)
	return r
}

func TestAccountsThatWaitForTheirChatsHoldUpNoEnding(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		ann := signUp(t, r, "ann")["ann"]
		for i := range endingsAtOnce + 1 {
			name := fmt.Sprintf("user-%03d", i)
			user := signUp(t, r, name)[name]
			makeChat(t, r, user, "notes-"+name, chat.Private, nil)
			say(t, r, user, "notes-"+name, "to be erased")
			wantRefusal(t, r.CloseAccount(t.Context(), ann, name, true), nil)
		}
		finishEndings(t, r)
		wantEndings(t, r, 0)
		if n := number(t, r, `SELECT count(*) FROM messages WHERE text <> ''`); n != 0 {
			t.Errorf("%d texts are left", n)
		}
	})
}

func TestALargeEndingTakesTurnsWithAllOthers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := withADeletedChat(t, s, 2*endingSlice+7)
		fillMany(t, r, 2*endingsAtOnce, `INSERT INTO endings (kind, id)`, `SELECT 'message', CAST(-i AS text) FROM n`) // without reactions
		if moved, erased, err := r.endingsRound(t.Context()); err != nil || !moved || !erased {
			t.Fatalf("%t, %t, %v", moved, erased, err)
		}
		wantEndings(t, r, 1)
		if n := textsLeft(t, r); n != endingSlice+7 {
			t.Errorf("%d texts are left by one round, want %d", n, endingSlice+7)
		}
	})
}

func TestAnEndingThatCannotBeFinishedIsLeftForLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		wantRefusal(t, r.DeleteChat(t.Context(), ann, "den"), nil)
		fill(t, r, `INSERT INTO endings (kind, id) VALUES ('a later kind', 'x'), ('user', 'ann')`) // ann is not disabled
		for _, want := range []bool{true, false} {
			if erased := finishEndings(t, r); erased != want {
				t.Errorf("something was erased: %t, want %t", erased, want)
			}
			wantEndings(t, r, 2)
		}
		wantRefusal(t, r.DisableUser(t.Context(), "ann"), nil)
		finishEndings(t, r)
		wantEndings(t, r, 1)
	})
}

func TestAnEndingThatFailsHoldsUpNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := withADeletedChat(t, s, endingSlice+7)
		fill(t, r, `INSERT INTO endings (kind, id) VALUES ('chat', 'a-chat-that-never-was'), ('message', 'no number')`)
		fill(t, r, `UPDATE sessions SET refresh_expires_at = 1`)
		err := r.cleaner.clean(t.Context())
		if err == nil || !strings.Contains(err.Error(), "a-chat-that-never-was") {
			t.Errorf("what failed is told as %v", err)
		}
		if n := textsLeft(t, r); n != 0 {
			t.Errorf("%d texts are left", n)
		}
		if n := number(t, r, `SELECT count(*) FROM sessions`); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestATextThatCannotBeErasedIsToldOfAndTriedAgainLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := withADeletedChat(t, s, endingSlice+7)
		refuse := `ALTER TABLE messages ADD CONSTRAINT kept CHECK (text <> '') NOT VALID`
		if strings.HasPrefix(s.url, "sqlite:") {
			refuse = `CREATE TRIGGER kept BEFORE UPDATE OF text ON messages BEGIN SELECT RAISE(ABORT, 'kept'); END`
		}
		fill(t, r, refuse)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := r.finishEndings(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("it is told as %v", err)
		}
	})
}

func TestAChatWhoseMessagesSomebodyRemovedIsErased(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		say(t, r, ann, "den", "hello")
		fill(t, r, `DELETE FROM messages WHERE chat = 'den'`)
		wantRefusal(t, r.DeleteChat(t.Context(), ann, "den"), nil)
		finishEndings(t, r)
		wantEndings(t, r, 0)
	})
}
