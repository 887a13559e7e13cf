package repository

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"parley/auth"
	"parley/chat"
	"parley/e2e/need"
	"parley/repository/commitlog"
	"parley/repository/postgres"
)

const (
	// promised is how long an answer may take, whatever the database does.
	promised = 3 * time.Second
	// measured is the same by the clock of a test, which may have to wait for a
	// processor, as what it measures may. Two bounds that add up take longer.
	measured = promised + time.Second
)

func TestEachBoundOfAnAnswerLeavesTimeForIt(t *testing.T) {
	const atLeast = 200 * time.Millisecond
	for what, bound := range map[string]time.Duration{
		"a change": commitlog.AnswerWithin, "a read": readTimeout, "a connection that is silent": postgres.Silence,
		"connecting": postgres.Connecting, "a caller's two steps": commitlog.LeadWithin + postgres.Silence,
		"a change that waited, and its last statement": commitlog.WaitFor + commitlog.RunFor + postgres.StatementTimeout,
		"a post that waited, and its one message":      commitlog.WaitFor + postgres.LockTimeout + postgres.StatementTimeout,
	} {
		if bound > promised-atLeast {
			t.Errorf("%s may take %v of the %v that are promised", what, bound, promised)
		}
	}
}

// wire stands between a Repository and its PostgreSQL and can cut a connection
// just before or just behind a commit, or cut it and bring the commit to the server
// later: when the next transaction is about to end.
type wire struct {
	url string
	// server is where new connections lead.
	server atomic.Pointer[string]
	// cut says what to do at the next commit; it goes back to never by itself.
	cut  atomic.Int32
	cuts atomic.Int32
	// whole counts the cuts of a message that held its transaction from the beginning.
	whole atomic.Int32
	// connections counts those that were made; refuse is how many of the next are not.
	connections, refuse atomic.Int32

	// late is closed when a commit that was brought later has been answered; waits, which
	// returns when it waits for the lock, is called behind bringing it.
	late    chan struct{}
	waits   func()
	done    <-chan struct{} // closed when the test ends
	mu      sync.Mutex
	held    []byte // the message until it is brought to heldFor
	heldFor net.Conn
}

const (
	never int32 = iota
	beforeCommit
	behindCommit
	lateCommit
)

func newWire(t testing.TB, address string) *wire {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{late: make(chan struct{}), done: t.Context().Done()}
	w.leadTo(t, address)
	u.Host = l.Addr().String()
	w.url = u.String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			if w.refuse.Load() > 0 {
				w.refuse.Add(-1)
				client.Close()
				continue
			}
			w.connections.Add(1)
			all.Go(func() { w.carry(client, *w.server.Load()) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return w
}

// leadTo leads new connections to the server of an address.
func (w *wire) leadTo(t testing.TB, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Store(&u.Host)
}

// carry copies both ways until one side ends or the connection is cut.
func (w *wire) carry(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	var swallow, late atomic.Bool // the server's answer, and then cut
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := upstream.Read(buf)
			if late.Load() {
				close(w.late)
				return
			}
			if err != nil || swallow.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("; COMMIT\x00")) {
			cut := w.cut.Swap(never)
			if cut != never {
				w.cuts.Add(1)
				if bytes.Contains(buf[:n], []byte("BEGIN ISOLATION LEVEL")) {
					w.whole.Add(1)
				}
			}
			switch cut {
			case beforeCommit:
				return
			case lateCommit:
				w.hold(buf[:n], upstream)
				late.Store(true)
				client.Close()
				select { // the server's side stays open
				case <-w.late:
				case <-w.done:
				}
				return
			}
			swallow.Store(cut == behindCommit)
		}
		if bytes.Contains(buf[:n], []byte("; COMMIT\x00")) || bytes.Contains(buf[:n], []byte("ROLLBACK")) {
			w.bring()
		}
		if _, err := upstream.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) hold(message []byte, upstream net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.heldFor = bytes.Clone(message), upstream
}

// bring brings the message that is held, with which the server can do nothing but wait.
func (w *wire) bring() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		_, _ = w.heldFor.Write(w.held)
		w.held = nil
		w.waits()
	}
}

func TestACommitWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]int32{"not committed": beforeCommit, "committed": behindCommit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, need.Postgres(t))
			var told []int64
			r := (&store{url: w.url}).open(t, func(o *Options) {
				o.Committed = func(evs []chat.Event) {
					for _, ev := range evs {
						told = append(told, ev.Pos)
					}
				}
			})
			ann := signUp(t, r, "ann")["ann"]
			makeChat(t, r, ann, "room", chat.Private, nil)
			for i := range 20 {
				var fs []func() error
				if i%2 == 0 { // what everybody may do is remembered, and all is in one message
					for range 3 {
						say(t, r, ann, "room", rand.Text())
					}
				} else { // another kind of change goes the same way
					fs = append(fs, func() error {
						return r.CreateSession(t.Context(), newSession("ann"))
					})
				}
				w.cut.Store(cut)
				for k := range 3 {
					fs = append(fs, func() error {
						_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: fmt.Sprintf("%d-%d", i, k)})
						return err
					})
				}
				if errs := errors.Join(inOneBatch(t, r, fs...)...); errs != nil {
					t.Fatalf("round %d: %v", i, errs)
				}
			}
			if n := w.cuts.Load(); n < 20 {
				t.Fatalf("the connection was cut only %d times", n)
			}
			if n := w.whole.Load(); n < 10 {
				t.Errorf("only %d transactions were cut that were one message", n)
			}
			wantWholeLog(t, r)
			if n := number(t, r, `SELECT count(*) FROM messages`); n != 60+30 {
				t.Errorf("%d messages, want 90", n)
			}
			if n := number(t, r, `SELECT count(DISTINCT text) FROM messages`); n != 60+30 {
				t.Errorf("%d different messages, want 90", n)
			}
			if n := number(t, r, `SELECT count(*) FROM sessions`); n != 11 {
				t.Errorf("%d sessions, want 11", n)
			}
			head := headOf(t, r)
			eventually(t, "ready", func() bool { return r.Ready(t.Context()) == nil })
			say(t, r, ann, "room", "after all that") // when it is answered, told is at rest
			if int64(len(told)) != head+1 {
				t.Errorf("told of %d events of %d", len(told), head+1)
			}
			for i, pos := range told {
				if pos != int64(i)+1 {
					t.Fatalf("told of %d in place of %d", pos, i+1)
				}
			}
		})
	}
}

// Who closes while it is looked up how a commit ended may never know.
func TestWhatIsUnknownWhenTheWriterClosesIsNotStoredAgain(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	w, beside := newWire(t, address), (&store{url: address}).open(t)
	r := (&store{url: w.url}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	w.refuse.Store(1) // the first look fails
	w.cut.Store(behindCommit)
	posted := make(chan error, 1)
	go func() {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "once"})
		posted <- err
	}()
	eventually(t, "the first look fails", func() bool { return w.refuse.Load() == 0 })
	r.log.Close()
	if err := <-posted; err != nil && !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("answered %v", err)
	}
	if n := number(t, beside, `SELECT count(*) FROM messages`); n != 1 {
		t.Errorf("it is stored %d times", n)
	}
	wantWholeLog(t, beside)
}

func TestAConnectionThatWasEndedWhileIdleCostsNobodyAnAnswer(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r, other := s.openTwo(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for range 5 {
		fill(t, other, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		say(t, r, ann, "room", "hello")
		if _, err := r.History(t.Context(), ann, "room", chat.HistoryQuery{Limit: 10}); err != nil {
			t.Error(err)
		}
	}
	wantWholeLog(t, r)
}

func TestABatchIsRefusedAtOnceByADatabaseThatWouldNotKeepIt(t *testing.T) {
	t.Parallel()
	w := newWire(t, need.Postgres(t))
	r := (&store{url: w.url}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	post := func() error {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
		return err
	}
	set := func(what string) {
		t.Helper()
		fill(t, r, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I `+what+`', current_database()); END $$`)
	}
	set(`SET synchronous_commit = off`)
	var before int32
	posts := []func() error{func() error {
		fill(t, r, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		before = w.connections.Load()
		return post()
	}}
	for range 8 {
		posts = append(posts, post)
	}
	if n := count(t, inOneBatch(t, r, posts...), chat.ErrUnavailable); n != len(posts) {
		t.Errorf("%d of %d were refused", n, len(posts))
	}
	if n := w.connections.Load() - before; n != 1 {
		t.Errorf("the refusal took %d connections, want 1", n)
	}
	set(`RESET synchronous_commit`)
	if err := post(); err != nil {
		t.Error(err)
	}
	wantWholeLog(t, r)
}

// As a pooler does that gives a connection to somebody else in between.
func TestStatementsThatWereTakenFromTheWriterCostNobodyAnAnswer(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "postgres").open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for _, statement := range []string{`DEALLOCATE ALL`, `DISCARD PLANS; DEALLOCATE parley_head; DEALLOCATE parley_post`} {
		deallocate := func(ctx context.Context, tx *transaction) (none struct{}, err error) {
			if _, err := tx.handle.exec(ctx, statement); err != nil {
				return none, err
			}
			return none, chat.ErrForbidden // the rest of the batch goes on
		}
		_, err := write(t.Context(), r, "", deallocate)
		wantRefusal(t, err, chat.ErrForbidden)
		say(t, r, ann, "room", "alone")
		_, err = write(t.Context(), r, "", deallocate)
		wantRefusal(t, err, chat.ErrForbidden)
		if err := r.CreateSession(t.Context(), newSession("ann")); err != nil {
			t.Error(err)
		}
		var once sync.Once
		post := func() error {
			_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "in a batch"})
			return err
		}
		errs := inOneBatch(t, r, post, func() error {
			_, err := write(t.Context(), r, "", func(ctx context.Context, tx *transaction) (none struct{}, err error) {
				once.Do(func() {
					_, err = tx.handle.exec(ctx, statement)
					tx.dirty = true
				})
				return none, err
			})
			return err
		}, post)
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	}
	wantWholeLog(t, r)
}

func TestAFrozenDatabaseIsAnsweredFor(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	r := (&store{url: cluster.Database(t)}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for range 3 {
		say(t, r, ann, "room", "before")
	}
	var stored atomic.Int64
	var stop atomic.Bool
	var posters sync.WaitGroup
	unlucky := make(chan time.Duration, 10000)
	call := func(f func() error) {
		began := time.Now()
		if err := f(); errors.Is(err, chat.ErrUnavailable) {
			unlucky <- time.Since(began)
		} else if err != nil {
			t.Errorf("an answer that is none: %v", err)
		}
	}
	for i := range 40 {
		posters.Go(func() {
			for n := 0; !stop.Load(); n++ {
				call(func() error {
					_, err := r.Post(context.Background(), ann, chat.Post{Chat: "room", Text: fmt.Sprintf("%d %d", i, n)})
					if err == nil {
						stored.Add(1)
					}
					return err
				})
			}
		})
	}
	for range 40 { // more than the pool has connections
		posters.Go(func() {
			for !stop.Load() {
				call(func() error {
					_, err := r.History(context.Background(), ann, "room", chat.HistoryQuery{Limit: 10})
					return err
				})
			}
		})
	}
	eventually(t, "some posts", func() bool { return stored.Load() > 200 })
	cluster.Freeze(t)
	thaw := sync.OnceFunc(func() { cluster.Thaw(t) })
	defer thaw()
	for range 200 { // each caller more than twice: also who comes while nothing moves
		if took := <-unlucky; took > measured {
			t.Errorf("answered after %v", took)
		}
	}
	if err := r.Ready(t.Context()); err == nil {
		t.Error("ready while the database is frozen")
	}
	thaw()
	before := stored.Load()
	eventually(t, "posts after the thaw", func() bool { return stored.Load() > before+200 })
	stop.Store(true)
	posters.Wait()
	close(unlucky)
	for took := range unlucky {
		if took > measured {
			t.Errorf("answered after %v", took)
		}
	}
	wantWholeLog(t, r)
	if n := number(t, r, `SELECT count(*) FROM messages`); n < stored.Load()+3 {
		t.Errorf("%d messages, and %d were answered for", n, stored.Load()+3)
	}
}

func TestAStoppedDatabaseIsAnsweredForAndComesBack(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	r := (&store{url: cluster.Database(t)}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for _, stop := range []func(testing.TB){cluster.Stop, cluster.Crash} {
		stop(t)
		began := time.Now()
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
		wantRefusal(t, err, chat.ErrUnavailable)
		_, err = r.History(t.Context(), ann, "room", chat.HistoryQuery{Limit: 10})
		wantRefusal(t, err, chat.ErrUnavailable)
		if took := time.Since(began); took > measured {
			t.Errorf("answered after %v", took)
		}
		cluster.Start(t)
		eventually(t, "a post", func() bool {
			_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
			return err == nil
		})
	}
	wantWholeLog(t, r)
}

func TestAFullDiskLosesNothingAndPasses(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	limit := func(pages int64) {
		t.Helper()
		_, err := write(t.Context(), r, "", func(ctx context.Context, tx *transaction) (n int64, err error) {
			return n, tx.get(ctx, &n, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(number(t, r, `PRAGMA page_count`) + 20)
	text := strings.Repeat("x", 4000)
	stored, refused := int64(0), 0
	for refused < 50 {
		if stored > 1000 {
			t.Fatal("the disk does not get full")
		}
		errs := together(
			func() error { _, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: text}); return err },
			func() error { _, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: text}); return err },
		)
		n := count(t, errs, chat.ErrUnavailable)
		refused += n
		stored += int64(len(errs) - n)
	}
	if stored == 0 {
		t.Error("nothing was stored before the disk was full")
	}
	if _, err := r.History(t.Context(), ann, "room", chat.HistoryQuery{Limit: 10}); err != nil {
		t.Errorf("reading while the disk is full: %v", err)
	}
	if n := number(t, r, `SELECT count(*) FROM messages`); n != stored {
		t.Errorf("%d messages, and %d were answered for", n, stored)
	}
	limit(1 << 30)
	say(t, r, ann, "room", "room again")
	wantWholeLog(t, r)
}

func TestADatabaseThatIsNotThereIsOneClearError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // takes connections and never says a word
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c)
		}
	}()
	for _, address := range []string{
		"postgres://ann:secret@127.0.0.1:1/parley?sslmode=disable",
		"postgres://ann:secret@" + l.Addr().String() + "/parley?sslmode=disable",
		"postgres://ann:secret@127.0.0.1:port/parley",
		"postgres://ann:sec%zzret@127.0.0.1/parley",
		"mysql://ann:secret@127.0.0.1/parley",
		"sqlite:" + t.TempDir() + "/no/such/folder/parley.db",
		"sqlite:",
	} {
		began := time.Now()
		r, err := Open(t.Context(), Options{URL: address})
		if err == nil {
			r.Close()
			t.Errorf("%s opened", address)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "zzret") {
			t.Errorf("%s: %q", address, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: after %v", address, took)
		}
		t.Log(err)
	}
}

// A standby that was taken for the primary, or a disk that is nearly full, makes a
// database read-only: nobody is told that parley itself is broken.
func TestAReadOnlyDatabaseIsUnavailableUntilItIsWritten(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	beside, err := sqlx.Open("postgres", s.url) // a connection of any kind will do for it
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	set := func(what string) {
		t.Helper()
		for _, statement := range []string{
			`SET default_transaction_read_only = off`,
			`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ` + what + `', current_database()); END $$`,
			`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
		} {
			if _, err := beside.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	beside.SetMaxOpenConns(1)

	set(`SET default_transaction_read_only = on`)
	for what, ask := range map[string]func() error{
		"a post":         func() error { _, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"}); return err },
		"a page":         func() error { _, err := r.History(t.Context(), ann, "room", chat.HistoryQuery{Limit: 10}); return err },
		"an account":     func() error { _, err := r.Account(t.Context(), "ann"); return err },
		"a list":         func() error { _, err := r.MemberChats(t.Context(), ann, chat.ListQuery{Limit: 10}); return err },
		"opening":        func() error { _, err := r.Open(t.Context(), []chat.OpeningRequest{{Actor: ann}}); return err },
		"another person": func() error { _, err := r.CreateUser(t.Context(), auth.NewUser{Username: "bob"}); return err },
	} {
		if err := ask(); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	set(`RESET default_transaction_read_only`)
	say(t, r, ann, "room", "hello")
	wantWholeLog(t, r)
}
