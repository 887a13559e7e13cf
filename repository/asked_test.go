package repository

import (
	"context"
	"database/sql/driver"
	"reflect"
	"testing"

	"parley/chat"
	"parley/repository/commitlog"
	"parley/repository/posts"
)

// asked counts what is read to decide posts, and how they are stored.
type asked struct {
	posts.Conn
	permissions, keys int
	stores, single    int
}

func (a *asked) note(entries []*posts.Entry) {
	for _, e := range entries {
		if !e.IsCached() {
			a.permissions++
		}
		if e.AsksKey() {
			a.keys++
		}
	}
}

func (a *asked) BeginWith(ctx context.Context, entries []*posts.Entry, after int64) (commitlog.Head, []posts.Event, error) {
	a.note(entries)
	return a.Conn.BeginWith(ctx, entries, after)
}

func (a *asked) Load(ctx context.Context, entries []*posts.Entry) error {
	a.note(entries)
	return a.Conn.Load(ctx, entries)
}

func (a *asked) Store(ctx context.Context, tx *commitlog.Tx, s *posts.Stored) (commitlog.Outcome, error) {
	a.stores++
	if tx.Single {
		a.single++
	}
	return a.Conn.Store(ctx, tx, s)
}

// reconnect gives r's log a fresh connection, which change may alter.
func reconnect(t testing.TB, r *Repository, change func(c *conn)) {
	t.Helper()
	connect := r.log.Connect
	tries := 0
	_, err := write(t.Context(), r, "", func(context.Context, *transaction) (int, error) {
		if tries++; tries > 1 {
			return 0, chat.ErrForbidden // writes nothing
		}
		r.log.Connect = func(ctx context.Context) (*conn, error) {
			c, err := connect(ctx)
			if err == nil {
				change(c)
			}
			return c, err
		}
		return 0, driver.ErrBadConn
	})
	wantRefusal(t, err, chat.ErrForbidden)
}

// askedOf counts what r asks from now on. It may be read while the log has nothing to do.
func askedOf(t testing.TB, r *Repository) *asked {
	t.Helper()
	a := new(asked)
	reconnect(t, r, func(c *conn) { a.Conn, c.Conn = c.Conn, a })
	return a
}

func TestAnAuthorIsLookedUpOnceThoughAnotherInstancePosts(t *testing.T) {
	here, there := freshStore(t, "postgres").openTwo(t)
	as := signUp(t, here, "ann", "bob")
	makeChat(t, here, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
	a := askedOf(t, here)
	for range 3 {
		say(t, here, as["ann"], "den", "here")
		say(t, there, as["bob"], "den", "there")
		say(t, there, as["bob"], "den", "there again")
	}
	if a.permissions != 1 {
		t.Errorf("%d permissions were read, want one", a.permissions)
	}
	wantWholeLog(t, here)
}

func TestWhatIsRememberedEndsWithTheConnection(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		a := askedOf(t, r)
		say(t, r, ann, "den", "one")
		say(t, r, ann, "den", "two")
		reconnect(t, r, func(*conn) {})
		say(t, r, ann, "den", "three")
		if a.permissions != 2 {
			t.Errorf("%d permissions were read, want one on each connection", a.permissions)
		}
	})
}

func TestAKeyIsReadOnlyBehindARepeat(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		say(t, r, ann, "den", "what ann may do is remembered")
		a := askedOf(t, r)
		say(t, r, ann, "den", "and on this connection too")
		a.permissions, a.stores, a.single = 0, 0, 0
		post := func(key string) chat.Posted {
			t.Helper()
			posted, err := r.Post(t.Context(), ann, chat.Post{Chat: "den", Text: "keyed", ClientID: key})
			if err != nil {
				t.Fatal(err)
			}
			return posted
		}
		first := post("one")
		post("two")
		if a.permissions+a.keys != 0 || a.stores != 2 {
			t.Errorf("%d permissions and %d keys were read, and %d batches stored", a.permissions, a.keys, a.stores)
		}
		if r.dialect == postgresDialect && a.single != 2 {
			t.Errorf("%d of 2 batches were a single message", a.single)
		}
		if again := post("one"); !again.Replayed || !reflect.DeepEqual(again.Message, first.Message) {
			t.Errorf("repeated: %+v, want %+v", again, first.Message)
		}
		if a.permissions != 0 || a.keys != 1 {
			t.Errorf("behind a repeat %d permissions and %d keys were read", a.permissions, a.keys)
		}
		if next := post("three"); next.Replayed || a.keys != 1 || a.permissions != 0 {
			t.Errorf("behind the repeat: %+v, %d keys", next, a.keys)
		}
		wantWholeLog(t, r)
	})
}

func TestARepeatAmongStrangersIsAnsweredAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		posted := make([]chat.Posted, 5)
		post := func(i int, text, key string) func() error {
			return func() (err error) {
				posted[i], err = r.Post(t.Context(), ann, chat.Post{Chat: "den", Text: text, ClientID: key})
				return err
			}
		}
		if err := post(0, "first", "a")(); err != nil {
			t.Fatal(err)
		}
		errs := inOneBatch(t, r, post(1, "new", "b"), post(2, "first", "a"), post(3, "other", "a"), post(4, "no key", ""))
		wantRefusal(t, errs[2], chat.ErrIdempotencyMismatch)
		for _, i := range []int{0, 1, 3} {
			if errs[i] != nil || posted[i+1].Replayed != (i == 1) {
				t.Errorf("%d: %+v, %v", i, posted[i+1], errs[i])
			}
		}
		if !reflect.DeepEqual(posted[2].Message, posted[0].Message) {
			t.Errorf("repeated: %+v, want %+v", posted[2].Message, posted[0].Message)
		}
		wantWholeLog(t, r)
	})
}
