package repository

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// eventually polls until done says so.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// hold keeps r's log inside a transaction, behind the head's lock, until the
// returned function is called.
func hold(t testing.TB, r *Repository) (release func()) {
	t.Helper()
	held, go_on := make(chan struct{}), make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		_, err := write(context.Background(), r, "", func(context.Context, *transaction) (int, error) {
			once.Do(func() { close(held) })
			<-go_on
			return 0, chat.ErrForbidden // writes nothing
		})
		done <- err
	}()
	<-held
	return sync.OnceFunc(func() {
		close(go_on)
		if err := <-done; !errors.Is(err, chat.ErrForbidden) {
			t.Errorf("holding the writer: %v", err)
		}
	})
}

// waiting is how many requests are in r's queues.
func waiting(r *Repository) int { return r.posts.Waiting() + r.changes.Waiting() }

// inOneBatch runs the functions so that their requests are in the queues together, in
// order, before any of them is taken.
func inOneBatch(t testing.TB, r *Repository, fs ...func() error) []error {
	t.Helper()
	release := hold(t, r)
	errs := make([]error, len(fs))
	var all sync.WaitGroup
	for i, f := range fs {
		before := waiting(r)
		all.Go(func() { errs[i] = f() })
		eventually(t, "a request in the queue", func() bool { return waiting(r) > before })
	}
	release()
	all.Wait()
	return errs
}

// wantWholeLog wants pos and every chat's seq to be 1, 2, 3 … and what is stored
// beside the log to agree with it.
func wantWholeLog(t testing.TB, r *Repository) {
	t.Helper()
	seqs := make(map[string]int64)
	var last int64
	for _, row := range logAfter(t, r, 0) {
		if row.Kind == "jump" {
			if before := number(t, r, `SELECT before FROM jumps WHERE pos = ?`, row.Pos); before != last {
				t.Fatalf("the jump to %d names %d as the position before, which is %d", row.Pos, before, last)
			}
		} else if row.Pos != last+1 {
			t.Fatalf("position %d follows %d", row.Pos, last)
		}
		last = row.Pos
		if row.Chat == "" {
			continue
		}
		if row.Seq != seqs[row.Chat]+1 {
			t.Fatalf("%s: seq %d follows %d", row.Chat, row.Seq, seqs[row.Chat])
		}
		seqs[row.Chat] = row.Seq
	}
	if head := headOf(t, r); head != last {
		t.Errorf("the head is %d and the last position %d", head, last)
	}
	for id, seq := range seqs {
		if got := number(t, r, `SELECT seq FROM chats WHERE id = ?`, id); got != seq {
			t.Errorf("%s has seq %d and its last event %d", id, got, seq)
		}
	}
	if n := number(t, r, `SELECT count(*) FROM chats c WHERE c.messages <> (SELECT count(*) FROM messages m WHERE m.chat = c.id)`); n != 0 {
		t.Errorf("%d chats miscount their messages", n)
	}
	if n := number(t, r, `SELECT count(*) FROM counted n CROSS JOIN chats c JOIN memberships m ON m.chat = c.id AND m.left_pos IS NULL`+joinMarker+`
		WHERE `+r.dialect.unread()+` <> (SELECT count(*) FROM messages o WHERE o.chat = c.id AND o.author <> m.username
			AND o.id > m.joined_pos AND o.id > COALESCE(k.id, 0))`); n != 0 {
		t.Errorf("%d members are told a wrong number of unread messages", n)
	}
	if n := number(t, r, `SELECT count(*) FROM messages m LEFT JOIN events e ON e.pos = m.id AND e.chat = m.chat AND e.seq = m.seq
		AND e.kind = 'message' AND e.message = m.id WHERE e.pos IS NULL`); n != 0 {
		t.Errorf("%d messages are not in the log as they should", n)
	}
}

func TestNumbersHaveNoHoleUnderManyWritersOfTwoInstances(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		told := make([][]int64, 2)
		var instances []*Repository
		for i := range told {
			instances = append(instances, s.open(t, func(o *Options) {
				o.Committed = func(evs []chat.Event) {
					for _, ev := range evs {
						told[i] = append(told[i], ev.Pos)
					}
				}
			}))
		}
		r := instances[0]
		actors := signUp(t, r, "ann", "bob")
		for _, id := range []string{"one", "two", "three"} {
			makeChat(t, r, actors["ann"], id, chat.Public, map[string]chat.Role{"bob": ""})
		}
		const writers, each = 32, 12
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				name := []string{"ann", "bob"}[w%2]
				for i := range each {
					p := chat.Post{Chat: []string{"one", "two", "three"}[(w+i)%3], Text: fmt.Sprintf("%d of %d", i, w)}
					if _, err := instances[w/2%2].Post(t.Context(), actors[name], p); err != nil {
						t.Errorf("posting: %v", err)
					}
				}
			})
		}
		all.Wait()
		wantWholeLog(t, r)
		if n := number(t, r, `SELECT count(*) FROM messages`); n != writers*each {
			t.Errorf("%d messages, want %d", n, writers*each)
		}
		seen := make(map[int64]bool)
		for i, positions := range told {
			var last int64
			for _, pos := range positions {
				if pos <= last || seen[pos] {
					t.Fatalf("instance %d was told of %d after %d", i, pos, last)
				}
				last, seen[pos] = pos, true
			}
		}
		if head := headOf(t, r); int64(len(seen)) != head {
			t.Errorf("told of %d events of %d", len(seen), head)
		}
	})
}

func TestARemovedMembersPostNeverLandsBehindTheRemoval(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		actors := signUp(t, here, "ann", "bob")
		for round := range 15 {
			id := fmt.Sprintf("room%d", round)
			makeChat(t, here, actors["ann"], id, chat.Private, map[string]chat.Role{"bob": ""})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var posters sync.WaitGroup
			for range 4 {
				posters.Go(func() {
					for {
						_, err := there.Post(ctx, actors["bob"], chat.Post{Chat: id, Text: "still here"})
						if errors.Is(err, chat.ErrNotFound) {
							return
						}
						if err != nil {
							t.Errorf("posting: %v", err)
							return
						}
					}
				})
			}
			eventually(t, "a post", func() bool { return number(t, here, `SELECT count(*) FROM messages WHERE chat = ?`, id) > 0 })
			err := here.RemoveMember(t.Context(), actors["ann"], id, "bob")
			if err != nil {
				stop() // nothing else would end the posters
				t.Error(err)
			}
			posters.Wait()
			left := number(t, here, `SELECT left_pos FROM memberships WHERE chat = ? AND username = 'bob'`, id)
			if last := number(t, here, `SELECT max(id) FROM messages WHERE chat = ?`, id); last > left {
				t.Fatalf("a post at %d, and its author left at %d", last, left)
			}
		}
	})
}

func TestAPostNeverLandsBehindTheEndOfItsSession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		ann := signUp(t, here, "ann")["ann"]
		makeChat(t, here, ann, "room", chat.Private, nil)
		for range 10 {
			session := logIn(t, here, "ann")
			before := headOf(t, here)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var posters sync.WaitGroup
			for range 4 {
				posters.Go(func() {
					for {
						_, err := there.Post(ctx, session, chat.Post{Chat: "room", Text: "logged in"})
						if errors.Is(err, chat.ErrSessionEnded) {
							return
						}
						if err != nil {
							t.Errorf("posting: %v", err)
							return
						}
					}
				})
			}
			eventually(t, "a post", func() bool { return headOf(t, here) > before })
			err := here.EndSession(t.Context(), session.Session)
			if err != nil {
				stop() // nothing else would end the posters
				t.Error(err)
			}
			posters.Wait()
			ended := number(t, here, `SELECT ended_pos FROM sessions WHERE id = ?`, session.Session)
			if last := number(t, here, `SELECT max(id) FROM messages`); last > ended {
				t.Fatalf("a post at %d, and its session ended at %d", last, ended)
			}
		}
	})
}

func TestWhatTheDatabaseRefusesForItsDataFailsAloneInItsBatch(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		if r.dialect == sqliteDialect {
			fill(t, r, `CREATE TRIGGER poison BEFORE INSERT ON messages WHEN NEW.text = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END`)
		} else {
			fill(t, r, `ALTER TABLE messages ADD CHECK (text <> 'poison')`)
		}
		post := func(text string) func() error {
			return func() error {
				_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: text})
				return err
			}
		}
		other := func(want error, sql string, args ...any) func() error {
			return func() error {
				_, err := write(t.Context(), r, "", func(ctx context.Context, tx *transaction) (int64, error) {
					n, err := tx.exec(ctx, sql, args...)
					if err != nil && want != nil {
						err = want
					}
					return n, err
				})
				return err
			}
		}
		errs := inOneBatch(t, r,
			post("before"), post("poison"), post("between"),
			other(nil, `UPDATE users SET display_name = 'Ann' WHERE username = 'ann'`),
			other(nil, `INSERT INTO users (username) VALUES ('nobody')`),
			// A failed statement that its request takes for an answer of its own.
			other(chat.ErrForbidden, `INSERT INTO users (username) VALUES ('nobody')`),
			func() error {
				_, err := write(t.Context(), r, "", func(context.Context, *transaction) (int, error) { panic("at the disco") })
				return err
			},
			post("after"))
		for i, refused := range []bool{false, true, false, false, true, true, true, false} {
			if (errs[i] != nil) != refused {
				t.Errorf("request %d: %v", i, errs[i])
			}
			if errors.Is(errs[i], chat.ErrUnavailable) {
				t.Errorf("request %d: its own fault is called the database's", i)
			}
		}
		if n := number(t, r, `SELECT count(*) FROM messages`); n != 3 {
			t.Errorf("%d messages, want 3", n)
		}
		if n := number(t, r, `SELECT count(*) FROM users WHERE display_name = 'Ann'`); n != 1 {
			t.Error("a stranger's change is lost")
		}
		wantWholeLog(t, r)
		if r.dialect == postgresDialect {
			for _, text := range []string{"a\x00b", "a\xffb", `\'; DROP TABLE messages; --` + "\xc3"} {
				if err := post(text)(); err == nil || errors.Is(err, chat.ErrUnavailable) {
					t.Errorf("%q: %v", text, err)
				}
			}
		}
		if err := post("once more")(); err != nil {
			t.Error(err)
		}
	})
}

func TestATextComesBackAsItWasPosted(t *testing.T) {
	texts := []string{`"`, `\`, `'`, `''`, `\'`, `"}', '{"`, `NULL`, `null`, `{}`, `$1 ? :a @b`, "\n\r\t\x01\x7f", " ", "é 日本 👩‍👩‍👧", `');--`, `\\"\\'`, `E'\x41'`}
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		var fs []func() error
		for i, text := range texts {
			fs = append(fs, func() error {
				_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: text, ClientID: fmt.Sprintf(`'"\%d`, i), Origin: `'"\{}`})
				return err
			})
		}
		if n := count(t, inOneBatch(t, r, fs...), nil); n != 0 {
			t.Fatalf("%d refused", n)
		}
		evs, _, err := r.After(t.Context(), 1, 100)
		if err != nil || len(evs) != len(texts) {
			t.Fatalf("%d events, %v", len(evs), err)
		}
		for i, ev := range evs {
			if ev.Message.Text != texts[i] || ev.Message.ClientID != fmt.Sprintf(`'"\%d`, i) || ev.Origin != `'"\{}` {
				t.Errorf("%q became %q, %q, %q", texts[i], ev.Message.Text, ev.Message.ClientID, ev.Origin)
			}
		}
	})
}

func TestARequestThatNobodyWaitsForAnyMoreIsNotBegun(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		release := hold(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := r.Post(ctx, ann, chat.Post{Chat: "room", Text: "never mind"})
			done <- err
		}()
		eventually(t, "the post in the queue", func() bool { return waiting(r) == 1 })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		release()
		say(t, r, ann, "room", "another")
		if n := number(t, r, `SELECT count(*) FROM messages`); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
	})
}

func TestARequestBehindAWriterThatHangsIsAnsweredWithin3Seconds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		held := make(chan struct{})
		go_on := make(chan struct{})
		go func() {
			_, _ = write(context.Background(), r, "", func(context.Context, *transaction) (int, error) {
				select {
				case <-held:
				default:
					close(held)
				}
				<-go_on
				return 0, chat.ErrForbidden
			})
		}()
		<-held
		defer close(go_on)
		began := time.Now()
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
		wantRefusal(t, err, chat.ErrUnavailable)
		if took := time.Since(began); took > measured {
			t.Errorf("answered after %v", took)
		}
	})
}

func TestCommittedIsToldBeforeTheRequestIsAnswered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		var newest atomic.Int64
		r := s.open(t, func(o *Options) {
			o.Committed = func(evs []chat.Event) { newest.Store(evs[len(evs)-1].Pos) }
		})
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		for range 50 {
			if m := say(t, r, ann, "room", "hello"); newest.Load() < m.ID {
				t.Fatalf("%d was answered, and told of only %d", m.ID, newest.Load())
			}
		}
	})
}

func TestMetricsMoveWithAPost(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		reg := prometheus.NewRegistry()
		r := s.open(t, func(o *Options) { o.Registerer = reg })
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		values := func() map[string]float64 {
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			v := make(map[string]float64)
			for _, f := range families {
				m := f.GetMetric()[0]
				v[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
			return v
		}
		before := values()
		say(t, r, ann, "room", "hello")
		after := values()
		for _, name := range []string{"parley_posts_total", "parley_commit_seconds", "parley_batch_size", "parley_log_lock_seconds"} {
			if after[name] != before[name]+1 {
				t.Errorf("%s went from %v to %v", name, before[name], after[name])
			}
		}
		if after["parley_database_up"] != 1 {
			t.Error("the database is up and said not to be")
		}
	})
}
