package repository

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
	"parley/repository/commitlog"
)

// The server may get a batch when it has been looked up already that it is not
// committed, and its posts have been stored by another attempt.
func TestABatchThatArrivesLateIsNotStoredASecondTime(t *testing.T) {
	t.Parallel()
	for range 5 {
		address := need.Postgres(t)
		w, beside := newWire(t, address), (&store{url: address}).open(t)
		w.waits = func() {
			for waiting, end := 0, time.Now().Add(patience); waiting != 1; time.Sleep(time.Millisecond) {
				if err := beside.pool.Get(&waiting, waitsForALock); err != nil || time.Now().After(end) {
					t.Errorf("%d wait for a lock, %v", waiting, err)
					return
				}
			}
		}
		told := make(map[string]int)
		r := (&store{url: w.url}).open(t, func(o *Options) {
			o.Committed = func(evs []chat.Event) {
				for _, ev := range evs {
					if ev.Message != nil {
						told[ev.Message.Text]++
					}
				}
			}
		})
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		for range 3 {
			say(t, r, ann, "room", "what everybody may do is remembered")
		}
		w.cut.Store(lateCommit)
		say(t, r, ann, "room", "once")
		if w.whole.Load() != 1 {
			t.Error("the transaction was not one message")
		}
		if n := told["once"]; n != 1 {
			t.Errorf("it is told of %d times", n)
		}
		select {
		case <-w.late:
		case <-time.After(patience):
			t.Fatal("the late message is not answered")
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE text = 'once'`); n != 1 {
			t.Errorf("it is stored %d times", n)
		}
		wantWholeLog(t, r)
	}
}

// While it is not known how a commit ended, there may be no database at all.
func TestWhoComesWhileACommitIsLookedUpIsRefusedAtOnceWithoutADatabase(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	r := (&store{url: cluster.Database(t)}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for range 3 {
		say(t, r, ann, "room", "what everybody may do is remembered")
	}
	cluster.Stop(t)
	_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
	wantRefusal(t, err, chat.ErrUnavailable)
	began := time.Now()
	for range 10 {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
		wantRefusal(t, err, chat.ErrUnavailable)
	}
	if took := time.Since(began); took > commitlog.AnswerWithin+time.Second {
		t.Errorf("ten were refused after %v", took)
	}
	cluster.Start(t)
	eventually(t, "a post", func() bool {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
		return !errors.Is(err, chat.ErrUnavailable)
	})
	wantWholeLog(t, r)
}

// What a change keeps back goes with the commit. Where it comes to that too late, others have
// waited long enough for the lock.
func TestAChangeThatIsLateWithItsCommitStoresNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann")
		_, err := write(t.Context(), r, "", func(ctx context.Context, tx *transaction) (none struct{}, err error) {
			tx.later(`UPDATE users SET display_name = ? WHERE username = ?`, "Late", "ann")
			<-time.After(commitlog.RunFor + 50*time.Millisecond)
			return none, nil
		})
		if err == nil {
			t.Error("it was committed")
		}
		if u, err := r.User(t.Context(), as["ann"]); err != nil || u.DisplayName == "Late" {
			t.Errorf("the user is %+v, %v", u, err)
		}
		makeChat(t, r, as["ann"], "den", chat.Public, nil) // the next change goes on
	})
}
