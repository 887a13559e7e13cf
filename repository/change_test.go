package repository

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"parley/chat"
)

// anyVersion lets every version of a message be changed.
var anyVersion chat.Precondition

// onlyAt lets the versions alone be changed.
func onlyAt(versions ...int64) chat.Precondition {
	return chat.Precondition{Versions: versions, Set: true}
}

// lastEvent is the newest event of a log.
func lastEvent(t testing.TB, r *Repository) chat.Event {
	t.Helper()
	events, _, err := r.After(t.Context(), headOf(t, r)-1, 1)
	if err != nil || len(events) != 1 {
		t.Fatalf("the newest event: %v, %v", events, err)
	}
	return events[0]
}

func TestAMessageIsEditedAndDeleted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": ""})
		first := say(t, r, as["bob"], "den", "teh text")

		edited, err := r.EditMessage(t.Context(), as["bob"], first.ID, "the text", onlyAt(first.Version()))
		if err != nil || edited.Text != "the text" || edited.EditedAt.IsZero() || edited.Seq != first.Seq || edited.Version() == first.Version() {
			t.Fatalf("edited: %+v, %v", edited, err)
		}
		if e := lastEvent(t, r); e.Kind != chat.KindMessageEdited || e.Seq != first.Seq+1 || !reflect.DeepEqual(*e.Message, edited) {
			t.Errorf("told is %+v of %+v", e, e.Message)
		}
		head := headOf(t, r)
		if again, err := r.EditMessage(t.Context(), as["bob"], first.ID, "the text", anyVersion); err != nil || !reflect.DeepEqual(again, edited) || headOf(t, r) != head {
			t.Errorf("an edit that changes nothing: %+v, %v", again, err)
		}
		if _, err := r.React(t.Context(), as["ann"], first.ID, "👍", true); err != nil {
			t.Fatal(err)
		}

		if err := r.DeleteMessage(t.Context(), as["ann"], first.ID, anyVersion); err != nil { // she owns the chat
			t.Fatal(err)
		}
		gone := lastEvent(t, r)
		if gone.Kind != chat.KindMessageDeleted || !gone.Message.Deleted || gone.Message.Text != "" || gone.Message.Reactions != nil || !gone.Message.EditedAt.IsZero() {
			t.Errorf("told is %+v of %+v", gone, gone.Message)
		}
		head = headOf(t, r)
		if err := r.DeleteMessage(t.Context(), as["bob"], first.ID, anyVersion); err != nil || headOf(t, r) != head {
			t.Errorf("a second deletion: %v", err)
		}
		h, err := r.History(t.Context(), as["bob"], "den", chat.HistoryQuery{Limit: 9})
		if err != nil || len(h.Messages) != 1 || !reflect.DeepEqual(h.Messages[0], *gone.Message) {
			t.Errorf("the history is %+v, %v", h.Messages, err)
		}
		// Behind it all a replay shows the message as it is now.
		part, err := r.ChatAfter(t.Context(), "den", 0, headOf(t, r), 100)
		var kinds []string
		for _, e := range part.Events {
			kinds = append(kinds, string(e.Kind))
			if e.Message != nil && (e.Message.Text != "" || !e.Message.Deleted) {
				t.Errorf("a replay shows %+v", e.Message)
			}
		}
		if want := "member.joined member.joined message message.edited reaction message.deleted"; err != nil || strings.Join(kinds, " ") != want {
			t.Errorf("the log of the chat is %v, %v", kinds, err)
		}
		r.cleaner.wake()
		eventually(t, "the reactions to go", func() bool { return number(t, r, `SELECT count(*) FROM reactions`) == 0 })
	})
}

func TestReactionsAreCountedAndTold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": ""})
		m := say(t, r, as["ann"], "den", "hello")
		react := func(who, emoji string, on bool) chat.Reactions {
			t.Helper()
			m, err := r.React(t.Context(), as[who], m.ID, emoji, on)
			if err != nil {
				t.Fatal(err)
			}
			return m.Reactions
		}
		react("bob", "👍", true)
		head := headOf(t, r)
		react("bob", "👍", true)
		if headOf(t, r) != head {
			t.Error("a reaction that was there already is told of")
		}
		got := react("ann", "👍", true)
		if want := (chat.Reactions{{Emoji: "👍", Count: 2, Users: []string{"bob", "ann"}, Mine: true}}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if e := lastEvent(t, r); e.Kind != chat.KindReaction || !reflect.DeepEqual(e.Message.Reactions, chat.Reactions{{Emoji: "👍", Count: 2, Users: []string{"bob", "ann"}}}) {
			t.Errorf("told is %+v", e.Message.Reactions)
		}
		react("ann", "🎉", true)
		react("bob", "👍", false)
		h, err := r.History(t.Context(), as["bob"], "den", chat.HistoryQuery{Limit: 9})
		want := chat.Reactions{{Emoji: "👍", Count: 1, Users: []string{"ann"}}, {Emoji: "🎉", Count: 1, Users: []string{"ann"}}}
		if err != nil || !reflect.DeepEqual(h.Messages[0].Reactions, want) {
			t.Errorf("bob is shown %+v, %v", h.Messages[0].Reactions, err)
		}
		react("ann", "👍", false)
		if got := react("ann", "🎉", false); got != nil {
			t.Errorf("left are %+v", got)
		}
		for i := range chat.MaxReactions {
			react("ann", fmt.Sprint("e", i), true)
		}
		_, err = r.React(t.Context(), as["bob"], m.ID, "one more", true)
		wantRefusal(t, err, chat.ErrTooManyReactions)
		react("bob", "e7", true)
	})
}

func TestChangesOfMessagesAreRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "gus", "mod", "eve")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": "", "gus": "", "mod": chat.RoleAdmin})
		m, theirs := say(t, r, as["bob"], "den", "hello"), say(t, r, as["gus"], "den", "mine")
		if _, err := r.PutMember(t.Context(), as["ann"], "den", "gus", chat.RoleGuest); err != nil {
			t.Fatal(err)
		}
		edit := func(who string, id int64, p chat.Precondition) error {
			_, err := r.EditMessage(t.Context(), as[who], id, "other", p)
			return err
		}
		react := func(who string, id int64) error {
			_, err := r.React(t.Context(), as[who], id, "👍", true)
			return err
		}
		remove := func(who string, id int64) error { return r.DeleteMessage(t.Context(), as[who], id, anyVersion) }
		wantRefusal(t, edit("ann", m.ID, anyVersion), chat.ErrForbidden)
		wantRefusal(t, edit("gus", theirs.ID, anyVersion), chat.ErrReadOnly)
		wantRefusal(t, edit("eve", m.ID, anyVersion), chat.ErrNotFound)
		wantRefusal(t, edit("bob", m.ID, onlyAt(m.ID+1)), chat.ErrPreconditionFailed)
		wantRefusal(t, edit("bob", m.ID, onlyAt()), chat.ErrPreconditionFailed)
		wantRefusal(t, edit("bob", m.ID, chat.Precondition{Except: []int64{m.ID}}), chat.ErrPreconditionFailed)
		wantRefusal(t, edit("bob", 1, anyVersion), chat.ErrNotFound)
		wantRefusal(t, react("gus", m.ID), chat.ErrReadOnly)
		wantRefusal(t, react("eve", m.ID), chat.ErrNotFound)
		wantRefusal(t, remove("bob", theirs.ID), chat.ErrForbidden)
		wantRefusal(t, remove("gus", theirs.ID), chat.ErrReadOnly)
		wantRefusal(t, remove("mod", m.ID), nil)
		wantRefusal(t, edit("bob", m.ID, anyVersion), chat.ErrDeleted)
		wantRefusal(t, react("bob", m.ID), chat.ErrDeleted)
		if err := r.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, edit("gus", theirs.ID, anyVersion), chat.ErrNotFound)
	})
}

func TestOfTwoEditsOfOneVersionOneWins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		as := signUp(t, here, "ann")
		makeChat(t, here, as["ann"], "den", chat.Private, nil)
		for range 10 {
			m := say(t, here, as["ann"], "den", "hello")
			edit := func(r *Repository, text string) func() error {
				return func() error {
					_, err := r.EditMessage(t.Context(), as["ann"], m.ID, text, onlyAt(m.Version()))
					return err
				}
			}
			if refused := count(t, together(edit(here, "one"), edit(there, "two")), chat.ErrPreconditionFailed); refused != 1 {
				t.Fatalf("%d of two edits were refused", refused)
			}
		}
	})
}

// TestReactionsNeverDrift lets many users add and take back reactions at once, and compares
// what messages show with the rows.
func TestReactionsNeverDrift(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		names := make([]string, 24)
		for i := range names {
			names[i] = fmt.Sprintf("u%02d", i)
		}
		as := signUp(t, here, names...)
		makeChat(t, here, as[names[0]], "den", chat.Public, nil)
		for _, name := range names[1:] {
			if _, err := here.PutMember(t.Context(), as[name], "den", name, ""); err != nil {
				t.Fatal(err)
			}
		}
		ids := []int64{say(t, here, as[names[0]], "den", "a").ID, say(t, here, as[names[0]], "den", "b").ID}
		var work []func() error
		for i, name := range names {
			work = append(work, func() error {
				r, random := []*Repository{here, there}[i%2], rand.New(rand.NewPCG(uint64(i), 7))
				for range 30 {
					emoji := []string{"👍", "🎉"}[random.IntN(2)]
					if _, err := r.React(t.Context(), as[name], ids[random.IntN(2)], emoji, random.IntN(3) > 0); err != nil {
						return err
					}
				}
				return nil
			})
		}
		count(t, together(work...), nil)
		for _, id := range ids {
			m, err := here.Message(t.Context(), as[names[0]], id)
			if err != nil {
				t.Fatal(err)
			}
			for _, emoji := range []string{"👍", "🎉"} {
				users, err := read(t.Context(), here, func(ctx context.Context, h handle) (users []string, err error) {
					err = h.all(ctx, &users, `SELECT username FROM reactions WHERE message = ? AND emoji = ? ORDER BY pos`, id, emoji)
					return users, err
				})
				if err != nil {
					t.Fatal(err)
				}
				var shown chat.Reaction
				if i := m.Reactions.Of(emoji); i >= 0 {
					shown = m.Reactions[i]
				}
				if first := users[:min(len(users), chat.MaxReactionUsers)]; shown.Count != len(users) || !slices.Equal(shown.Users, first) {
					t.Errorf("of %s to %d %d are shown, by %v; there are %v", emoji, id, shown.Count, shown.Users, users)
				}
			}
		}
	})
}

func TestRepliesAreListedOldestFirst(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "eve")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		m := say(t, r, as["ann"], "den", "question")
		var ids []int64
		for i := range 5 {
			posted, err := r.Post(t.Context(), as["ann"], chat.Post{Chat: "den", Text: fmt.Sprint("answer ", i), ReplyTo: m.ID})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, posted.Message.ID)
			say(t, r, as["ann"], "den", "between")
		}
		for _, row := range []struct {
			q              chat.HistoryQuery
			want           []int64
			earlier, later bool
		}{
			{chat.HistoryQuery{Limit: 9}, ids, false, false},
			{chat.HistoryQuery{Limit: 2}, ids[:2], false, true},
			{chat.HistoryQuery{Limit: 2, After: &ids[1]}, ids[2:4], true, true},
			{chat.HistoryQuery{Limit: 2, After: &ids[3]}, ids[4:], true, false},
			{chat.HistoryQuery{Limit: 2, Before: &ids[3]}, ids[1:3], true, true},
			{chat.HistoryQuery{Limit: 9, Before: &ids[2]}, ids[:2], false, true},
		} {
			page, err := r.Replies(t.Context(), as["ann"], m.ID, row.q)
			var got []int64
			for _, m := range page.Messages {
				got = append(got, m.ID)
			}
			if err != nil || !slices.Equal(got, row.want) || page.Earlier != row.earlier || page.Later != row.later {
				t.Errorf("%+v: %v, earlier %v, later %v, %v; want %v, %v, %v", row.q, got, page.Earlier, page.Later, err, row.want, row.earlier, row.later)
			}
		}
		_, err := r.Replies(t.Context(), as["eve"], m.ID, chat.HistoryQuery{Limit: 9})
		wantRefusal(t, err, chat.ErrNotFound)
	})
}

func TestReplacedTextLeavesTheFilesOfSQLite(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "sqlite")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	edited, deleted := say(t, r, ann, "den", strings.Repeat("SECRET ", 900)), say(t, r, ann, "den", "SECRET too")
	if n := found(t, s, "SECRET"); n < 901 {
		t.Fatalf("found %d times before: the search is broken", n)
	}
	if _, err := r.EditMessage(t.Context(), ann, edited.ID, "open", anyVersion); err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteMessage(t.Context(), ann, deleted.ID, anyVersion); err != nil {
		t.Fatal(err)
	}
	if !r.cleaner.erased.Load() {
		t.Error("the cleaner does not know that something was erased")
	}
	r.cleaner.wake() // as it does by itself twice a minute
	waitNotFound(t, s, "SECRET")
}

func TestReplacedTextIsVacuumedOnPostgreSQL(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	vacuums := func() int64 {
		return number(t, r, `SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'messages' AND schemaname = current_schema()`)
	}
	eventually(t, "the first vacuum", func() bool { return vacuums() > 0 }) // it is not known what was erased before
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	m := say(t, r, ann, "den", "old")
	before := vacuums()
	if _, err := r.EditMessage(t.Context(), ann, m.ID, "new", anyVersion); err != nil {
		t.Fatal(err)
	}
	r.cleaner.wake() // as it does by itself twice a minute
	eventually(t, "the row to be vacuumed", func() bool { return vacuums() > before })
}

func TestATableThatAnotherVacuumHasIsVacuumedBehindIt(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := beforeTheCleaner(t, s)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	another, err := sqlx.Open("postgres", s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	tx := another.MustBegin()
	tx.MustExec(`LOCK TABLE messages IN SHARE UPDATE EXCLUSIVE MODE`) // as a vacuum has it
	r.cleaner.erased.Store(true)
	if err := r.cleaner.scrub(t.Context()); err == nil || !r.cleaner.erased.Load() {
		t.Errorf("the cleaner believes that it has vacuumed: %v", err)
	}
	say(t, r, ann, "den", "hello")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := r.cleaner.scrub(t.Context()); err != nil || r.cleaner.erased.Load() {
		t.Errorf("behind the other vacuum: %v", err)
	}
}

func TestTheTextsOfAClosedAccountAreDeletedEachAtAPosition(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": ""})
		first, second := say(t, r, as["bob"], "den", "one"), say(t, r, as["bob"], "den", "two")
		if _, err := r.React(t.Context(), as["ann"], first.ID, "👍", true); err != nil {
			t.Fatal(err)
		}
		head := headOf(t, r)
		if err := r.CloseOwnAccount(t.Context(), as["bob"], true); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the texts to be deleted", func() bool {
			return number(t, r, `SELECT count(*) FROM events WHERE kind = 'message.deleted'`) == 2
		})
		part, err := r.ChatAfter(t.Context(), "den", head, headOf(t, r), 100)
		if err != nil {
			t.Fatal(err)
		}
		var deleted []int64
		for _, e := range part.Events {
			if e.Kind == chat.KindMessageDeleted && e.Message.Deleted && e.Message.Text == "" && e.Message.Reactions == nil {
				deleted = append(deleted, e.Message.ID)
			}
		}
		slices.Sort(deleted)
		if !slices.Equal(deleted, []int64{first.ID, second.ID}) {
			t.Errorf("deleted are %v", deleted)
		}
	})
}

// inTwoInstances are two that serve the same database, in which ann's chat den has bob as a member.
func inTwoInstances(t *testing.T, s *store) (here, there *Repository, as map[string]chat.Actor) {
	t.Helper()
	here, there = s.open(t), s.open(t)
	as = signUp(t, here, "ann", "bob")
	makeChat(t, here, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": ""})
	return here, there, as
}

func TestWhatIsRememberedOfAMessageEndsWhenAnotherInstanceWrites(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there, as := inTwoInstances(t, s)
		first := say(t, here, as["ann"], "den", "one")
		edit := func(r *Repository, text string, p chat.Precondition) (chat.Message, error) {
			return r.EditMessage(t.Context(), as["ann"], first.ID, text, p)
		}
		for _, text := range []string{"two", "three"} { // the second time it is remembered
			if _, err := edit(here, text, anyVersion); err != nil {
				t.Fatal(err)
			}
		}
		known, err := here.React(t.Context(), as["ann"], first.ID, "👍", true)
		if err != nil || known.Text != "three" {
			t.Fatalf("%+v, %v", known, err)
		}
		if _, err := edit(there, "four", onlyAt(known.Version())); err != nil {
			t.Fatal(err)
		}
		if _, err := there.React(t.Context(), as["bob"], first.ID, "👍", true); err != nil {
			t.Fatal(err)
		}
		if _, err := edit(here, "five", onlyAt(known.Version())); !errors.Is(err, chat.ErrPreconditionFailed) {
			t.Errorf("an edit of a version that another instance has replaced: %v", err)
		}
		now, err := here.React(t.Context(), as["ann"], first.ID, "👍", false)
		want := chat.Reactions{{Emoji: "👍", Count: 1, Users: []string{"bob"}}}
		if err != nil || now.Text != "four" || !reflect.DeepEqual(now.Reactions, want) {
			t.Errorf("it is %+v, %v", now, err)
		}
		if told := lastEvent(t, here).Message; told.Text != "four" || !reflect.DeepEqual(told.Reactions, want) {
			t.Errorf("told is %+v", told)
		}
	})
}

// What is remembered may be outdated even where nothing has to be stored.
func TestWhatChangesNothingIsAnsweredByWhatIsStored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there, as := inTwoInstances(t, s)
		edit := func(r *Repository, id int64, text string, p chat.Precondition) chat.Message {
			t.Helper()
			m, err := r.EditMessage(t.Context(), as["ann"], id, text, p)
			if err != nil {
				t.Errorf("editing to %q: %v", text, err)
			}
			return m
		}
		first, second := say(t, here, as["ann"], "den", "one"), say(t, here, as["ann"], "den", "one")
		edit(here, first.ID, "two", anyVersion)
		edit(here, second.ID, "secret", anyVersion)

		now := edit(there, first.ID, "three", anyVersion)
		edit(here, first.ID, "four", onlyAt(now.Version()))

		edit(there, second.ID, "clean", anyVersion)
		if m := edit(here, second.ID, "secret", anyVersion); m.Version() <= now.Version() || lastEvent(t, here).Message.Text != "secret" {
			t.Errorf("an edit back to what it was answers %+v", m)
		}

		third := say(t, here, as["bob"], "den", "of bob")
		if _, err := here.React(t.Context(), as["bob"], third.ID, "👍", true); err != nil {
			t.Fatal(err)
		}
		if err := there.EndSession(t.Context(), as["bob"].Session); err != nil {
			t.Fatal(err)
		}
		if m, err := here.React(t.Context(), as["bob"], third.ID, "👍", true); err == nil {
			t.Errorf("an ended session is answered %+v", m)
		}
	})
}

// A mark of reading raises the head on SQLite, behind what another process has written.
func TestWhatIsRememberedEndsWithAMarkBehindAnotherProcess(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there, as := inTwoInstances(t, s)
		first := say(t, here, as["ann"], "den", "secret")
		var unread []chat.Message
		for range 3 {
			unread = append(unread, say(t, here, as["bob"], "den", "x"))
		}
		mark := func() {
			t.Helper()
			if _, err := here.MarkRead(t.Context(), as["ann"], "den", unread[0].ID); err != nil {
				t.Fatal(err)
			}
			unread = unread[1:]
		}
		if _, err := here.React(t.Context(), as["bob"], first.ID, "👍", true); err != nil {
			t.Fatal(err)
		}
		if err := there.DeleteMessage(t.Context(), as["ann"], first.ID, anyVersion); err != nil {
			t.Fatal(err)
		}
		mark()
		if m, err := here.React(t.Context(), as["bob"], first.ID, "🎉", true); !errors.Is(err, chat.ErrDeleted) {
			t.Errorf("a reaction to a deleted message: %+v, %v", m, err)
		}

		say(t, there, as["ann"], "den", "there")
		mark()
		say(t, here, as["bob"], "den", "here")
		wantWholeLog(t, here)

		if err := there.DisableUser(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		mark()
		if _, err := here.Post(t.Context(), as["bob"], chat.Post{Chat: "den", Text: "behind the end"}); err == nil {
			t.Error("a disabled user posted")
		}
	})
}

func TestAReactionTooManyTakesNothingFromItsBatch(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": ""})
		m := say(t, r, as["ann"], "den", "hello")
		for i := range chat.MaxReactions {
			if _, err := r.React(t.Context(), as["ann"], m.ID, fmt.Sprint("e", i), true); err != nil {
				t.Fatal(err)
			}
		}
		// The log is held until both wait, so that they share a batch.
		held, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		errs := together(
			func() error {
				_, err := write(t.Context(), r, "", func(context.Context, *transaction) (struct{}, error) {
					once.Do(func() { close(held) })
					<-goOn
					return struct{}{}, nil
				})
				return err
			},
			func() error {
				<-held
				_, err := r.EditMessage(t.Context(), as["ann"], m.ID, "edited", anyVersion)
				return err
			},
			func() error {
				<-held
				eventually(t, "an edit to wait", func() bool { return waiting(r) >= 1 })
				if _, err := r.React(t.Context(), as["bob"], m.ID, "one more", true); !errors.Is(err, chat.ErrTooManyReactions) {
					return fmt.Errorf("one more: %w", err)
				}
				return nil
			},
			func() error {
				<-held
				defer close(goOn)
				eventually(t, "both to wait", func() bool { return waiting(r) == 2 })
				return nil
			})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		h, err := r.History(t.Context(), as["bob"], "den", chat.HistoryQuery{Limit: 9})
		if err != nil || h.Messages[0].Text != "edited" || len(h.Messages[0].Reactions) != chat.MaxReactions {
			t.Errorf("the message is %+v, %v", h.Messages, err)
		}
	})
}
