package repository

import (
	"errors"
	"testing"
	"time"

	"parley/chat"
	"parley/repository/postgres"
)

// The instance that gives the lock up is awake, and has more to write.
func TestTheInstanceThatWaitsForTheLockIsNext(t *testing.T) {
	t.Parallel()
	here, there := freshStore(t, "postgres").openTwo(t)
	ann := signUp(t, here, "ann")["ann"]
	makeChat(t, here, ann, "room", chat.Private, nil)
	for range 2 { // no instance takes itself to be alone from then on
		say(t, here, ann, "room", "hello")
		say(t, there, ann, "room", "hello")
	}
	post := func(r *Repository, m *chat.Message) func() error {
		return func() error {
			posted, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
			*m = posted.Message
			return err
		}
	}
	for rounds := 0; rounds < 8; {
		release := hold(t, there)
		began := time.Now()
		var waited time.Duration
		var first, second chat.Message
		letGo := func() error {
			eventually(t, "another post is queued", func() bool { return waiting(there) == 1 })
			release()
			waited = time.Since(began)
			return nil
		}
		for _, err := range together(post(here, &first), func() error {
			eventually(t, "a post waits for the lock", func() bool { return number(t, there, waitsForALock) == 1 })
			return errors.Join(together(post(there, &second), letGo)...)
		}) {
			wantRefusal(t, err, nil)
		}
		if waited > postgres.LockTimeout { // then it has begun to wait anew
			continue
		}
		rounds++
		if first.ID > second.ID {
			t.Fatalf("the post that waited is %d, behind the other one's %d", first.ID, second.ID)
		}
	}
}
