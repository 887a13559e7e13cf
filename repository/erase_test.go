package repository

import (
	"testing"
	"time"

	"parley/chat"
)

func textsLeft(t testing.TB, r *Repository) int64 {
	t.Helper()
	return number(t, r, `SELECT count(*) FROM messages WHERE chat = 'den' AND text <> ''`)
}

// waitErased waits until no text is left, also where the eraser had to look again.
func waitErased(t testing.TB, r *Repository) {
	t.Helper()
	for end := time.Now().Add(backgroundRetry + patience); ; time.Sleep(5 * time.Millisecond) {
		left := textsLeft(t, r)
		if left == 0 && number(t, r, `SELECT count(*) FROM chats WHERE id = 'den' AND last_message IS NOT NULL`) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d texts are left", left)
		}
	}
}

func TestABigChatIsDeletedAtOnceAndErasedShortlyBehind(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		makeChat(t, r, ann, "other", chat.Private, nil)
		fillChat(t, r, "den", "ann", 4*eraseSlice+7)
		fillChat(t, r, "other", "ann", 10)
		if err := r.DeleteChat(t.Context(), ann, "den"); err != nil {
			t.Fatal(err)
		}
		_, err := r.Chat(t.Context(), ann, "den")
		wantRefusal(t, err, chat.ErrNotFound)
		waitErased(t, r)
		if n := number(t, r, `SELECT count(*) FROM messages WHERE chat = 'other' AND text <> ''`); n != 10 {
			t.Errorf("another chat has %d of its 10 texts", n)
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE chat = 'den'`); n != 4*eraseSlice+7 {
			t.Errorf("the chat has %d of its rows", n)
		}
	})
}

func TestErasingGoesOnAfterARestart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		fillChat(t, r, "den", "ann", 4*eraseSlice+7)
		r.eraser.close() // as if the process had ended
		if err := r.DeleteChat(t.Context(), ann, "den"); err != nil {
			t.Fatal(err)
		}
		if n := textsLeft(t, r); n != 3*eraseSlice+7 {
			t.Fatalf("%d texts are left by the deletion itself, want %d", n, 3*eraseSlice+7)
		}
		waitErased(t, s.open(t))
	})
}
