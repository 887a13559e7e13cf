package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"parley/chat"
)

// The signing secret is rotated, and an instance may have another one than its database.
func TestARepeatIsKnownUnderAnotherSecret(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		post := chat.Post{Chat: "den", Text: "once", ClientID: "k"}
		first, err := r.Post(t.Context(), ann, post)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		again := s.open(t, func(o *Options) { o.PostKey = []byte("a key of another secret") })
		second, err := again.Post(t.Context(), ann, post)
		if err != nil || !second.Replayed || second.Message.ID != first.Message.ID {
			t.Errorf("the repeat is %+v, %v", second, err)
		}
		post.Text = "twice"
		_, err = again.Post(t.Context(), ann, post)
		wantRefusal(t, err, chat.ErrIdempotencyMismatch)
	})
}

func TestARepeatedKeyStoresOneMessage(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		actors := signUp(t, here, "ann", "bob")
		ann, bob := actors["ann"], actors["bob"]
		makeChat(t, here, ann, "room", chat.Private, map[string]chat.Role{"bob": ""})
		makeChat(t, here, ann, "other", chat.Private, nil)
		first := chat.Post{Chat: "room", Text: "once", ClientID: "key"}
		one, err := here.Post(t.Context(), ann, first)
		if err != nil || one.Replayed {
			t.Fatalf("%+v, %v", one, err)
		}
		head := headOf(t, here)
		for _, r := range []*Repository{here, there} {
			again, err := r.Post(t.Context(), ann, first)
			if err != nil || !again.Replayed || !reflect.DeepEqual(again.Message, one.Message) {
				t.Errorf("repeated: %+v, %v", again, err)
			}
		}
		for _, p := range []chat.Post{
			{Chat: "room", Text: "twice", ClientID: "key"},
			{Chat: "room", Text: "once", ClientID: "key", ReplyTo: one.Message.ID},
		} {
			_, err := here.Post(t.Context(), ann, p)
			wantRefusal(t, err, chat.ErrIdempotencyMismatch)
		}
		if got := headOf(t, here); got != head {
			t.Errorf("the head went from %d to %d", head, got)
		}
		// The key is the author's own, in the chat.
		for _, p := range []struct {
			chat.Actor
			chat string
		}{{bob, "room"}, {ann, "other"}} {
			got, err := here.Post(t.Context(), p.Actor, chat.Post{Chat: p.chat, Text: "mine", ClientID: "key"})
			if err != nil || got.Replayed {
				t.Errorf("%s in %s: %+v, %v", p.Username, p.chat, got, err)
			}
		}
	})
}

func TestAKnownKeyIsAnsweredForAlsoWhenItsAuthorHasLeft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob")
		ann, bob := actors["ann"], actors["bob"]
		makeChat(t, r, ann, "room", chat.Private, map[string]chat.Role{"bob": ""})
		p := chat.Post{Chat: "room", Text: "bye", ClientID: "key"}
		one, err := r.Post(t.Context(), bob, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveMember(t.Context(), bob, "room", "bob"); err != nil {
			t.Fatal(err)
		}
		again, err := r.Post(t.Context(), bob, p)
		if err != nil || !again.Replayed || !reflect.DeepEqual(again.Message, one.Message) {
			t.Errorf("%+v, %v", again, err)
		}
		_, err = r.Post(t.Context(), bob, chat.Post{Chat: "room", Text: "other", ClientID: "key"})
		wantRefusal(t, err, chat.ErrIdempotencyMismatch)
		_, err = r.Post(t.Context(), bob, chat.Post{Chat: "room", Text: "bye", ClientID: "another"})
		wantRefusal(t, err, chat.ErrNotFound)
		if err := r.DeleteChat(t.Context(), ann, "room"); err != nil {
			t.Fatal(err)
		}
		_, err = r.Post(t.Context(), bob, p)
		wantRefusal(t, err, chat.ErrNotFound)
	})
}

func TestRepetitionsInOneBatchStoreOneMessage(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		posted := make([]chat.Posted, 4)
		var fs []func() error
		for i, text := range []string{"once", "once", "twice", "once"} {
			fs = append(fs, func() (err error) {
				posted[i], err = r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: text, ClientID: "key"})
				return err
			})
		}
		errs := inOneBatch(t, r, fs...)
		wantRefusal(t, errs[2], chat.ErrIdempotencyMismatch)
		for _, i := range []int{0, 1, 3} {
			if errs[i] != nil || posted[i].Replayed != (i > 0) || !reflect.DeepEqual(posted[i].Message, posted[0].Message) || posted[i].Message.Text != "once" {
				t.Errorf("%d: %+v, %v", i, posted[i], errs[i])
			}
		}
		wantWholeLog(t, r)
	})
}

func TestRetriesAtTheSameTimeThroughTwoInstancesStoreOneMessage(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		instances := []*Repository{here, there}
		ann := signUp(t, instances[0], "ann")["ann"]
		makeChat(t, instances[0], ann, "room", chat.Private, nil)
		for round := range 20 {
			posted := make([]chat.Posted, 8)
			var fs []func() error
			for i := range posted {
				fs = append(fs, func() (err error) {
					posted[i], err = instances[i%2].Post(t.Context(), ann,
						chat.Post{Chat: "room", Text: "hello", ClientID: fmt.Sprint(round)})
					return err
				})
			}
			if err := errors.Join(together(fs...)...); err != nil {
				t.Fatal(err)
			}
			stored := 0
			for _, p := range posted {
				if !p.Replayed {
					stored++
				}
				if !reflect.DeepEqual(p.Message, posted[0].Message) {
					t.Errorf("%+v and %+v", p.Message, posted[0].Message)
				}
			}
			if stored != 1 {
				t.Fatalf("%d of them say that they stored it", stored)
			}
		}
	})
}

func TestAPostIsDecidedByWhoAsksAndWhere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob", "eve")
		ann := actors["ann"]
		makeChat(t, r, ann, "private", chat.Private, nil)
		makeChat(t, r, ann, "public", chat.Public, nil)
		there := say(t, r, ann, "public", "there")
		here := say(t, r, ann, "private", "here")
		ended := logIn(t, r, "ann")
		if err := r.EndSession(t.Context(), ended.Session); err != nil {
			t.Fatal(err)
		}
		if err := r.DisableUser(t.Context(), "eve"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name    string
			actor   chat.Actor
			chat    string
			replyTo int64
			want    *chat.Error
		}{
			{"a member", ann, "private", 0, nil},
			{"a reply", ann, "private", here.ID, nil},
			{"a reply to elsewhere", ann, "private", there.ID, chat.ErrInvalid},
			{"a reply to an event", ann, "private", 1, chat.ErrInvalid},
			{"a reply to what is to come", ann, "private", 1 << 40, chat.ErrInvalid},
			{"a stranger, private", actors["bob"], "private", 0, chat.ErrNotFound},
			{"a stranger, public", actors["bob"], "public", 0, chat.ErrNotAMember},
			{"nowhere", ann, "nowhere", 0, chat.ErrNotFound},
			{"an ended session", ended, "private", 0, chat.ErrSessionEnded},
			{"another's session", chat.Actor{Username: "ann", Session: actors["bob"].Session}, "private", 0, chat.ErrSessionEnded},
			{"a disabled user", actors["eve"], "public", 0, chat.ErrSessionEnded},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := r.Post(t.Context(), c.actor, chat.Post{Chat: c.chat, Text: "hello", ReplyTo: c.replyTo})
				wantRefusal(t, err, c.want)
			})
		}
		wantWholeLog(t, r)
	})
}

// TestPostsAreLoadedAndStoredByIndex looks at the plans on a filled database
// whose statistics are those of an empty one, which is what a new service has.
func TestPostsAreLoadedAndStoredByIndex(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	fill(t, r, `ANALYZE`)
	say(t, r, ann, "room", "plans are made")
	numbers := `FROM generate_series(1, 20000) n`
	fill(t, r, `INSERT INTO users SELECT 'u' || n, 'U', 'x', 0 `+numbers)
	fill(t, r, `INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)
		SELECT 's' || n, 'u' || n, 0, 0, '', 0, 0, 0 `+numbers)
	fill(t, r, `INSERT INTO chats SELECT 'c' || n, '', 'public', 0, 0, 0 `+numbers)
	fill(t, r, `INSERT INTO memberships SELECT 'u' || n, 'c' || n, 1, NULL, 'member', 0 `+numbers)
	fillChat(t, r, "room", "ann", 20000)
	var plans []string
	c := s.connectBeside(t, r.dialect).handle
	for _, text := range []string{`SET statement_timeout = 0`, `BEGIN`} {
		if _, err := c.exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		`EXECUTE parley_actors('{u1,u7}', '{s1,s7}')`,
		`EXECUTE parley_places('{room,c7}', '{ann,u7}')`,
		`EXECUTE parley_keys('{room,c7}', '{ann,u7}', '{k,NULL}')`,
		`EXECUTE parley_replies('{room,c7}', '{4,5}')`,
		`EXECUTE parley_chats('{room,c7}', '{900000,900000}', '{900000,900000}', '{1,0}', '{900000,NULL}')`,
		`EXECUTE parley_changed('{4,5}', '{ann,u7}', '{NULL,👍}', 11)`,
		`EXECUTE parley_texts('{4,5}', '{a,NULL}', '{NULL,NULL}', '{false,true}', '{900000,900001}', '{NULL,NULL}')`,
		`EXECUTE parley_came('{4,5}', '{ann,u7}', '{👍,👍}', '{900000,900001}')`,
		`EXECUTE parley_went('{4,5}', '{ann,u7}', '{👍,👍}')`,
		`EXECUTE parley_head(900000, 'w', 1)`,
		`EXECUTE parley_permission('c7', 'u7', 's7')`,
		`EXECUTE parley_post(900001, 'room', 900001, 'ann', 'x', NULL, NULL, NULL, NULL, 0, 'w', 1)`,
	} {
		var plan []string
		if err := c.all(t.Context(), &plan, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) `+text); err != nil {
			t.Fatal(err)
		}
		plans = append(plans, strings.Join(plan, "\n"))
	}
	if _, err := c.exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	err := r.dialect.beside(t.Context(), r, "", func(ctx context.Context, tx changer) error {
		var plan []string
		if err := tx.(handle).all(ctx, &plan, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) `+ownSince, 19000, 20000); err != nil {
			return err
		}
		plans = append(plans, strings.Join(plan, "\n"))
		return errOnlyLooking
	})
	if !errors.Is(err, errOnlyLooking) {
		t.Fatal(err)
	}
	for _, plan := range plans {
		for line := range strings.Lines(plan) {
			// One row a post is found; a scan that throws rows away, or goes over an
			// index without a condition, costs more the longer the log is.
			if strings.Contains(line, "Seq Scan") || strings.Contains(line, "Rows Removed") || strings.Contains(line, "Materialize") {
				t.Errorf("%s in\n%s", strings.TrimSpace(line), plan)
			}
		}
		n := strings.Count(plan, "Scan using") + strings.Count(plan, "Bitmap Index Scan")
		if conds := strings.Count(plan, "Index Cond"); n != conds {
			t.Errorf("%d index scans and %d conditions in\n%s", n, conds, plan)
		}
	}
	if len(plans) != 13 {
		t.Errorf("%d plans", len(plans))
	}
}

var errOnlyLooking = errors.New("only looking")
