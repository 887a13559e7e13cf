package repository

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"parley/chat"
)

func at(pos int64) *int64 { return &pos }

func texts(messages []chat.Message) []string {
	texts := make([]string, len(messages))
	for i, m := range messages {
		texts[i] = m.Text
	}
	return texts
}

func TestAMessageIsReadAsItWasPosted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		said := say(t, r, as["ann"], "den", "Zoë ☂\r\n")
		posted, err := r.Post(t.Context(), as["ann"], chat.Post{Chat: "den", Text: "yes", ReplyTo: said.ID, ClientID: "k1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.PutMember(t.Context(), as["ann"], "den", "bob", ""); err != nil {
			t.Fatal(err)
		}
		for _, want := range []chat.Message{said, posted.Message} {
			got, err := r.Message(t.Context(), as["bob"], want.ID)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		}
		h, err := r.History(t.Context(), as["bob"], "den", chat.HistoryQuery{Limit: 10})
		if err != nil || !reflect.DeepEqual(h.Messages, []chat.Message{said, posted.Message}) {
			t.Errorf("the history is %+v, %v", h.Messages, err)
		}
		// The position of another event is no message.
		_, err = r.Message(t.Context(), as["ann"], 1)
		wantRefusal(t, err, chat.ErrNotFound)
	})
}

func TestHistoryIsReadInPartsFromEitherSide(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "empty", chat.Private, nil)
		makeChat(t, r, ann, "den", chat.Private, nil)
		makeChat(t, r, ann, "other", chat.Private, nil)
		var id []int64
		for i := range 6 {
			id = append(id, say(t, r, ann, "den", fmt.Sprint(i)).ID)
			say(t, r, ann, "other", "between")
		}
		head := headOf(t, r)
		const ahead = 999_999_999_999_999_999
		rows := []struct {
			name           string
			chat           string
			before, after  *int64
			limit          int
			want           []string
			earlier, later bool
			cursor         int64
		}{
			{"the newest", "den", nil, nil, 2, []string{"4", "5"}, true, false, head},
			{"all, exactly", "den", nil, nil, 6, []string{"0", "1", "2", "3", "4", "5"}, false, false, head},
			{"all but one", "den", nil, nil, 5, []string{"1", "2", "3", "4", "5"}, true, false, head},
			{"more than all", "den", nil, nil, 200, []string{"0", "1", "2", "3", "4", "5"}, false, false, head},
			{"of nothing", "empty", nil, nil, 5, []string{}, false, false, head},

			{"before one", "den", at(id[4]), nil, 2, []string{"2", "3"}, true, true, id[3]},
			{"before the second", "den", at(id[1]), nil, 2, []string{"0"}, false, true, id[0]},
			{"before the first", "den", at(id[0]), nil, 2, []string{}, false, true, id[0] - 1},
			{"before what is between two", "den", at(id[4] + 1), nil, 2, []string{"3", "4"}, true, true, id[4]},
			{"before the end", "den", at(id[5] + 1), nil, 2, []string{"4", "5"}, true, false, head},
			{"before what is ahead", "den", at(ahead), nil, 2, []string{"4", "5"}, true, false, head},
			{"before the log", "den", at(0), nil, 2, []string{}, false, true, 0},
			{"before, of nothing", "empty", at(ahead), nil, 2, []string{}, false, false, head},

			{"after one", "den", nil, at(id[1]), 2, []string{"2", "3"}, true, true, id[3]},
			{"after the log's beginning", "den", nil, at(0), 2, []string{"0", "1"}, false, true, id[1]},
			{"after, to the end", "den", nil, at(id[3]), 2, []string{"4", "5"}, true, false, head},
			{"after the last", "den", nil, at(id[5]), 2, []string{}, true, false, head},
			{"after what is ahead", "den", nil, at(ahead), 2, []string{}, true, false, head},
			{"after, all", "den", nil, at(0), 6, []string{"0", "1", "2", "3", "4", "5"}, false, false, head},
			{"after, of nothing", "empty", nil, at(0), 2, []string{}, false, false, head},
		}
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				got, err := r.History(t.Context(), ann, row.chat, chat.HistoryQuery{Before: row.before, After: row.after, Limit: row.limit})
				if err != nil {
					t.Fatal(err)
				}
				if got.Messages == nil || !slices.Equal(texts(got.Messages), row.want) {
					t.Errorf("the messages are %q, want %q", texts(got.Messages), row.want)
				}
				if got.Earlier != row.earlier || got.Later != row.later {
					t.Errorf("earlier %t and later %t, want %t and %t", got.Earlier, got.Later, row.earlier, row.later)
				}
				if got.Cursor != row.cursor {
					t.Errorf("the cursor is %d, want %d", got.Cursor, row.cursor)
				}
			})
		}
	})
}

func TestAChatIsWalkedThroughPageByPageInBothDirections(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		var want []chat.Message
		for i := range 23 {
			want = append(want, say(t, r, ann, "den", fmt.Sprint(i)))
		}
		var forth []chat.Message
		for q := (chat.HistoryQuery{After: at(0), Limit: 5}); ; {
			page, err := r.History(t.Context(), ann, "den", q)
			if err != nil {
				t.Fatal(err)
			}
			forth = append(forth, page.Messages...)
			if !page.Later {
				break
			}
			q.After = &page.Cursor
		}
		if !reflect.DeepEqual(forth, want) {
			t.Errorf("forward: %q", texts(forth))
		}
		var back []chat.Message
		for q := (chat.HistoryQuery{Limit: 5}); ; {
			page, err := r.History(t.Context(), ann, "den", q)
			if err != nil {
				t.Fatal(err)
			}
			back = append(slices.Clone(page.Messages), back...)
			if !page.Earlier {
				break
			}
			q.Before = &page.Messages[0].ID
		}
		if !reflect.DeepEqual(back, want) {
			t.Errorf("backward: %q", texts(back))
		}
	})
}

// What a page holds and what the log says behind its cursor are together
// everything, once.
func TestAPageAndTheLogBehindItsCursorAreTheWholeUnderConstantPosting(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		const posts, posters = 60, 3
		r, other := s.openTwo(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		makeChat(t, r, ann, "elsewhere", chat.Private, nil)

		var posting sync.WaitGroup
		for p := range posters {
			posting.Go(func() {
				for i := range posts {
					chatID := "den"
					if i%3 == 2 {
						chatID = "elsewhere"
					}
					by := []*Repository{r, other}[p%2]
					if _, err := by.Post(t.Context(), ann, chat.Post{Chat: chatID, Text: "x"}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { posting.Wait(); close(done) }()
		var pages []chat.History
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			page, err := r.History(t.Context(), ann, "den", chat.HistoryQuery{Limit: posts * posters})
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page)
		}

		var all []int64
		for _, row := range logAfter(t, r, 0) {
			if row.Kind == string(chat.KindMessage) && row.Chat == "den" {
				all = append(all, row.Pos)
			}
		}
		if len(all) != posts*posters*2/3 {
			t.Fatalf("%d messages were posted", len(all))
		}
		for _, page := range pages {
			var whole []int64
			for _, m := range page.Messages {
				whole = append(whole, m.ID)
			}
			for _, pos := range all {
				if pos > page.Cursor {
					whole = append(whole, pos)
				}
			}
			if !slices.Equal(whole, all) {
				t.Fatalf("a page of %d messages and cursor %d leaves out or repeats something", len(page.Messages), page.Cursor)
			}
		}
	})
}

// On a chat's own stream and in its history a member reads times of absence too.
func TestAMemberReadsWhatWasSaidWhileHeWasNone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		said := say(t, r, as["ann"], "den", "before")
		if _, err := r.PutMember(t.Context(), as["ann"], "den", "bob", ""); err != nil {
			t.Fatal(err)
		}
		h, err := r.History(t.Context(), as["bob"], "den", chat.HistoryQuery{Limit: 5})
		if err != nil || !slices.Equal(texts(h.Messages), []string{"before"}) {
			t.Errorf("the history is %q, %v", texts(h.Messages), err)
		}
		if err := r.RemoveMember(t.Context(), as["ann"], "den", "bob"); err != nil {
			t.Fatal(err)
		}
		_, err = r.Message(t.Context(), as["bob"], said.ID)
		wantRefusal(t, err, chat.ErrNotFound)
	})
}
