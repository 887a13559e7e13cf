package repository

import (
	"fmt"
	"testing"

	"parley/chat"
)

// recordReads gives a handle on what r reads by, and notes what is read through it.
func recordReads(r *Repository) (handle, *recording) {
	rec := &recording{queryer: r.reading}
	return handle{rec, r.dialect}, rec
}

func TestAPageOfMessagesIsReadInThreeStatementsHoweverManyThereAre(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		var names []string
		members := make(map[string]chat.Role)
		for i := range chat.MaxReactionUsers + 2 {
			names = append(names, fmt.Sprintf("user%d", i))
			members[names[i]] = chat.RoleMember
		}
		as := signUp(t, r, names...)
		delete(members, names[0])
		first := as[names[0]]
		makeChat(t, r, first, "den", chat.Private, members)
		told := say(t, r, first, "den", "what is answered")
		for i := range 49 {
			posted, err := r.Post(t.Context(), first, chat.Post{Chat: "den", Text: fmt.Sprint("answer ", i), ReplyTo: told.ID})
			if err != nil {
				t.Fatal(err)
			}
			// Of some, not every user is named: who asks is looked for.
			users := names[:2]
			if i%20 == 0 {
				users = names
			}
			for _, name := range users {
				if _, err := r.React(t.Context(), as[name], posted.Message.ID, "👍", true); err != nil {
					t.Fatal(err)
				}
			}
		}
		h, rec := recordReads(r)
		last := as[names[len(names)-1]]
		page, err := h.readHistory(t.Context(), last, "den", chat.HistoryQuery{Limit: 50})
		if err != nil || len(page.Messages) != 50 {
			t.Fatalf("%d messages, %v", len(page.Messages), err)
		}
		mine := 0
		for _, m := range page.Messages {
			for _, reaction := range m.Reactions {
				if reaction.Mine {
					mine++
				}
			}
		}
		if mine != 3 {
			t.Errorf("%d reactions are the reader's own, want 3", mine)
		}
		if n := len(rec.statements); n == 0 || n > 3 {
			t.Errorf("%d statements: %q", n, rec.statements)
		}
	})
}

func TestChatsAreListedWithTheirUnreadCountsInOneStatement(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		for i := range 50 {
			id := fmt.Sprintf("chat%d", i)
			makeChat(t, r, as["ann"], id, chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
			for range i % 3 {
				say(t, r, as["ann"], id, "unread")
			}
		}
		h, rec := recordReads(r)
		page, err := h.chats(t.Context(), as["bob"], wholeList, r.dialect.selectOwnChats(), `m.chat`)
		if err != nil || len(page.Items) != 50 {
			t.Fatalf("%d chats, %v", len(page.Items), err)
		}
		for _, ch := range page.Items {
			var i int64
			if _, err := fmt.Sscanf(ch.ID, "chat%d", &i); err != nil || ch.Unread == nil || *ch.Unread != i%3 {
				t.Errorf("%s: %v unread, %v", ch.ID, ch.Unread, err)
			}
		}
		if n := len(rec.statements); n != 1 {
			t.Errorf("%d statements: %q", n, rec.statements)
		}
	})
}
