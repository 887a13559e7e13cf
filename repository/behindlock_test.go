package repository

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"parley/chat"
	"parley/repository/commitlog"
)

// recording notes the statements that go through it.
type recording struct {
	queryer
	statements []string
	// ahead is how many questions were answered with the lock.
	ahead int
	// finished is how many transactions of changes were committed.
	finished int
}

func (q *recording) note(query string) { q.statements = append(q.statements, query) }

func (q *recording) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	q.note(query)
	return q.queryer.GetContext(ctx, dest, query, args...)
}

func (q *recording) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	q.note(query)
	return q.queryer.SelectContext(ctx, dest, query, args...)
}

func (q *recording) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	q.note(query)
	return q.queryer.ExecContext(ctx, query, args...)
}

// recordWriter notes what r's log says to its database from now on, but for the posts.
// What it notes may be read while the log has nothing to do.
func recordWriter(t testing.TB, r *Repository) *recording {
	t.Helper()
	rec := &recording{}
	reconnect(t, r, func(c *conn) {
		rec.queryer, c.handle.q = c.handle.q, rec
		if beginAsking := c.beginAsking; beginAsking != nil {
			c.beginAsking = func(ctx context.Context, q *question) (commitlog.Head, error, error) {
				rec.ahead++
				return beginAsking(ctx, q)
			}
		}
		finish := c.finish
		c.finish = func(ctx context.Context, tx *commitlog.Tx, kept []statement) (commitlog.Outcome, error) {
			for _, s := range kept {
				rec.note(s.query)
			}
			rec.finished++
			return finish(ctx, tx, kept)
		}
	})
	return rec
}

// With a database that is far away, strangers' posts would wait for each message more.
func TestAChangeOfAMembershipAsksOnceAndWithTheLock(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t, func(o *Options) { o.MaxChats = 5 })
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Public, nil)
		rec := recordWriter(t, r)
		put := func(by string, role chat.Role) error {
			_, err := r.PutMember(t.Context(), as[by], "den", "bob", role)
			return err
		}
		remove := func() error { return r.RemoveMember(t.Context(), as["ann"], "den", "bob") }
		for _, c := range []struct {
			what   string
			change func() error
			want   error
		}{
			{"removing one who is no member", remove, chat.ErrNotFound},
			{"putting", func() error { return put("ann", "") }, nil},
			{"another role", func() error { return put("ann", chat.RoleAdmin) }, nil},
			{"removing", remove, nil},
			{"joining", func() error { return put("bob", "") }, nil},
		} {
			asked, ahead, finished := 0, rec.ahead, rec.finished
			rec.statements = nil
			if err := c.change(); !errors.Is(err, c.want) {
				t.Fatalf("%s: %v", c.what, err)
			}
			for _, statement := range rec.statements {
				if strings.HasPrefix(statement, "SELECT") {
					asked++
				}
			}
			ahead = rec.ahead - ahead
			if committed := rec.finished > finished; asked+ahead != 1 || committed != (c.want == nil) {
				t.Errorf("%s took %d questions and %d with the lock, committed: %v: %q", c.what, asked, ahead, committed, rec.statements)
			}
			if r.dialect == postgresDialect && ahead != 1 {
				t.Errorf("%s asked behind the lock", c.what)
			}
		}
	})
}

// stopBeforeTheLock lets changes that ask with the lock begin, and wait with it until goOn is
// called.
func stopBeforeTheLock(t *testing.T, r *Repository) (begun <-chan struct{}, goOn func()) {
	t.Helper()
	begins, queued := make(chan struct{}, 8), make(chan struct{})
	goOn = sync.OnceFunc(func() { close(queued) })
	t.Cleanup(goOn)
	reconnect(t, r, func(c *conn) {
		beginAsking := c.beginAsking
		c.beginAsking = func(ctx context.Context, q *question) (commitlog.Head, error, error) {
			begins <- struct{}{}
			<-queued
			return beginAsking(ctx, q)
		}
	})
	return begins, goOn
}

// What came with the lock says where the first change finds the chat, and no other.
func TestOnlyTheFirstOfABatchIsAnsweredWithTheLock(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "postgres").open(t, func(o *Options) { o.MaxChats = 2 })
	as := signUp(t, r, "ann", "bob", "cid", "dan")
	for id, owner := range map[string]string{"den": "ann", "pub": "ann", "zoo": "dan"} {
		makeChat(t, r, as[owner], id, chat.Public, nil)
	}
	rec := recordWriter(t, r)
	begun, goOn := stopBeforeTheLock(t, r)
	join := func(who, chatID string) func() error {
		return func() error {
			_, err := r.PutMember(t.Context(), as[who], chatID, who, "")
			return err
		}
	}
	changes := []func() error{
		join("bob", "den"), join("cid", "den"), join("bob", "pub"), join("bob", "zoo"),
		func() error { return r.EndSession(t.Context(), as["cid"].Session) }, join("cid", "pub"),
	}
	errs := make([]error, len(changes))
	var all sync.WaitGroup
	for i, change := range changes {
		all.Go(func() { errs[i] = change() })
		if i == 0 {
			<-begun
		}
		eventually(t, "a change in the queue", func() bool { return waiting(r) == i })
	}
	goOn()
	all.Wait()
	for i, want := range []error{nil, nil, nil, chat.ErrTooManyChats, nil, chat.ErrSessionEnded} {
		if !errors.Is(errs[i], want) {
			t.Errorf("change %d: %v, want %v", i+1, errs[i], want)
		}
	}
	wantWholeLog(t, r)
	t.Logf("%d changes in %d transactions", len(changes), rec.finished)
}

// What the database refuses of the question that goes with the lock is the misfortune of the one
// change that asked it.
func TestAQuestionThatIsRefusedHarmsNoStranger(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]bool{"of one that waits": false, "of one that has left": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := freshStore(t, "postgres").open(t)
			as := signUp(t, r, "ann", "bob", "cid")
			makeChat(t, r, as["ann"], "den", chat.Public, nil)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			joined, tries := make(chan error, 1), 0
			begun, goOn := stopBeforeTheLock(t, r)
			reconnect(t, r, func(c *conn) {
				beginAsking := c.beginAsking
				c.beginAsking = func(ctx context.Context, q *question) (commitlog.Head, error, error) {
					found, refused, err := beginAsking(ctx, q)
					if tries++; leaves {
						leave()
						joined <- <-joined
					}
					return found, refused, err
				}
			})
			locked, err := r.pool.BeginTxx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer locked.Rollback()
			if _, err := locked.Exec(`SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE memberships IN ACCESS EXCLUSIVE MODE`); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, err := r.PutMember(ctx, as["bob"], "den", "bob", "")
				joined <- err
			}()
			<-begun
			strangers := make([]error, 4)
			var all sync.WaitGroup
			for i := range strangers {
				all.Go(func() { strangers[i] = r.CreateSession(t.Context(), newSession("cid")) })
			}
			eventually(t, "strangers in the queue", func() bool { return waiting(r) >= len(strangers) })
			goOn()
			all.Wait()
			for _, err := range strangers {
				if err != nil {
					t.Errorf("a stranger's sign-in: %v", err)
				}
			}
			want := error(chat.ErrUnavailable)
			if leaves {
				want = context.Canceled
			}
			if err := <-joined; !errors.Is(err, want) || tries != 1 {
				t.Errorf("after %d tries: %v, want %v", tries, err, want)
			}
			if err := locked.Rollback(); err != nil {
				t.Fatal(err)
			}
			wantWholeLog(t, r)
		})
	}
}

// The facts of a try that was given up are not those of the next one.
func TestAChangeThatIsTriedAgainAsksAgain(t *testing.T) {
	t.Parallel()
	here, there := freshStore(t, "postgres").openTwo(t)
	as := signUp(t, here, "ann", "bob", "cid")
	makeChat(t, here, as["ann"], "den", chat.Public, nil)
	join := func(r *Repository, who string) error {
		_, err := r.PutMember(t.Context(), as[who], "den", who, "")
		return err
	}
	tries := 0
	reconnect(t, here, func(c *conn) {
		finish := c.finish
		c.finish = func(ctx context.Context, tx *commitlog.Tx, kept []statement) (commitlog.Outcome, error) {
			if tries++; tries > 1 {
				return finish(ctx, tx, kept)
			}
			err := errors.Join(errors.New("lost"), c.Rollback(ctx), join(there, "cid"))
			return commitlog.ConnectionLost, err
		}
	})
	if err := join(here, "bob"); err != nil || tries != 2 {
		t.Fatalf("%d tries: %v", tries, err)
	}
	wantWholeLog(t, here)
}

// Strangers' posts would wait for it.
func TestNoChangeOfAChatCountsAllItsMessagesBehindTheHeadsLock(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		rec := recordWriter(t, r)
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin})
		say(t, r, as["ann"], "den", "hello")
		title := "New"
		ch, err := r.UpdateChat(t.Context(), as["bob"], "den", chat.ChatChange{Title: &title})
		if err != nil || ch.Title != title || *ch.Unread != 1 || ch.Last() == nil || ch.Last().Text != "hello" {
			t.Errorf("the answer is %+v, %v", ch, err)
		}
		if err := r.RemoveMember(t.Context(), as["bob"], "den", "bob"); err != nil {
			t.Fatal(err)
		}
		if len(rec.statements) < 10 {
			t.Errorf("only %q were seen", rec.statements)
		}
		for _, statement := range rec.statements {
			if strings.Contains(strings.ReplaceAll(statement, r.dialect.rebind(r.dialect.unread()), ""), "count(") {
				t.Errorf("behind the lock: %s", statement)
			}
		}
	})
}

func TestAChangeThatChangesNothingCommitsNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		commits := func() int64 { return number(t, r, `SELECT batch FROM head`) }
		before := commits()
		same := "The den"
		if ch, err := r.UpdateChat(t.Context(), as["ann"], "den", chat.ChatChange{Title: &same}); err != nil || ch.Title != same {
			t.Errorf("the answer is %+v, %v", ch, err)
		}
		if m, err := r.PutMember(t.Context(), as["ann"], "den", "bob", chat.RoleMember); err != nil || m.Role != chat.RoleMember {
			t.Errorf("the answer is %+v, %v", m, err)
		}
		if after := commits(); after != before {
			t.Errorf("committed batch %d behind batch %d", after, before)
		}
	})
}

func TestAChangeIsAnsweredWithTheChatAsItIsThen(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cid")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin, "cid": chat.RoleAdmin})
		for title, loses := range map[string]func(actor chat.Actor) error{
			"removed":   func(actor chat.Actor) error { return r.RemoveMember(t.Context(), as["ann"], "den", actor.Username) },
			"shown out": func(actor chat.Actor) error { return r.EndSession(t.Context(), actor.Session) },
		} {
			actor := as[map[string]string{"removed": "bob", "shown out": "cid"}[title]]
			before := headOf(t, r)
			var ch chat.Chat
			errs := inOneBatch(t, r,
				func() (err error) {
					ch, err = r.UpdateChat(t.Context(), actor, "den", chat.ChatChange{Title: &title})
					return err
				},
				func() error { return loses(actor) })
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			if ch.Title != title || ch.Role == nil || *ch.Role != chat.RoleAdmin || ch.Head != before+1 {
				t.Errorf("%s: answered %+v", title, ch)
			}
		}
	})
}
