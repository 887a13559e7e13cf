package repository

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// found counts how often a text stands in the files of a SQLite database.
func found(t *testing.T, s *store, text string) (n int) {
	t.Helper()
	files, err := filepath.Glob(strings.TrimPrefix(s.url, "sqlite:") + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		n += bytes.Count(content, []byte(text))
	}
	return n
}

func waitNotFound(t *testing.T, s *store, text string) {
	t.Helper()
	for end := time.Now().Add(4 * backgroundRetry); found(t, s, text) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q stands %d times in the files", text, found(t, s, text))
		}
	}
}

// fillDen makes a chat with texts of all lengths that say SECRET, and titles, amid another's.
func fillDen(t *testing.T, r *Repository, ann chat.Actor) {
	t.Helper()
	makeChat(t, r, ann, "den", chat.Private, nil)
	makeChat(t, r, ann, "other", chat.Private, nil)
	for i := range 600 {
		say(t, r, ann, "den", strings.Repeat("SECRET ", 1+i*i%900))
		say(t, r, ann, "other", fmt.Sprint("kept ", i))
		if i%10 == 0 {
			title := fmt.Sprint("SECRET title ", i)
			if _, err := r.UpdateChat(t.Context(), ann, "den", chat.ChatChange{Title: &title}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestErasedTextLeavesTheFilesOfSQLite(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "sqlite")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	fillDen(t, r, ann)
	if n := found(t, s, "SECRET"); n < 600 {
		t.Fatalf("found %d times before: the search is broken", n)
	}
	if err := r.DeleteChat(t.Context(), ann, "den"); err != nil {
		t.Fatal(err)
	}
	waitNotFound(t, s, "SECRET")
	if n := found(t, s, "kept 599"); n == 0 {
		t.Error("what was not erased is not found either")
	}
}

func TestErasedTextLeavesTheLogWhenNoReaderNeedsItAnyMore(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "sqlite")
	r := s.open(t)
	as := signUp(t, r, "ann")
	fillDen(t, r, as["ann"])
	reading, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		tx, err := r.pool.BeginTxx(context.Background(), nil)
		if err != nil {
			t.Error(err)
			close(reading)
			return
		}
		defer tx.Rollback()
		var n int
		if err := tx.Get(&n, `SELECT count(*) FROM messages`); err != nil {
			t.Error(err)
		}
		close(reading)
		time.Sleep(2 * scrubTries * scrubPause) // outlasts the tries in a row
	}()
	<-reading
	if err := r.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
		t.Fatal(err)
	}
	// Posts go on while the cleaner waits for the reader.
	for range 20 {
		say(t, r, as["ann"], "other", "hello")
	}
	<-finished
	waitNotFound(t, s, "SECRET")
}
