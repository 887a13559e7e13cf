package repository

import (
	"fmt"
	"slices"
	"testing"

	"parley/chat"
)

// unreadOf is how many messages an actor is told are unread.
func unreadOf(t testing.TB, r *Repository, actor chat.Actor, chatID string) int64 {
	t.Helper()
	ch, err := r.Chat(t.Context(), actor, chatID)
	if err != nil {
		t.Fatal(err)
	}
	return *ch.Unread
}

// markersOf lists a chat's markers, a page of two at a time.
func markersOf(t testing.TB, r *Repository, actor chat.Actor, chatID string) (all []string) {
	t.Helper()
	for q := (chat.ListQuery{Limit: 2}); ; {
		page, err := r.Markers(t.Context(), actor, chatID, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			all = append(all, fmt.Sprint(m.Username, " ", m.ID))
			q.After = m.Username
		}
		if !page.More {
			return all
		}
	}
}

func TestAReadMarkerNeverMovesBackwards(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "gus", "zoe")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember, "gus": chat.RoleGuest})
		makeChat(t, r, as["ann"], "attic", chat.Private, nil)
		var said []int64
		for i := range 5 {
			said = append(said, say(t, r, as["ann"], "den", fmt.Sprint(i)).ID)
		}
		elsewhere := say(t, r, as["ann"], "attic", "elsewhere").ID
		mark := func(name string, id int64, moved bool, unread int64) {
			t.Helper()
			m, err := r.MarkRead(t.Context(), as[name], "den", id)
			if err != nil || m.Moved != moved || m.Head < id {
				t.Errorf("%s at %d: %+v, %v; moved should be %v", name, id, m, err, moved)
			}
			if got := unreadOf(t, r, as[name], "den"); got != unread {
				t.Errorf("%s at %d: %d unread, want %d", name, id, got, unread)
			}
			wantWholeLog(t, r)
		}
		mark("bob", said[2], true, 2)
		mark("bob", said[2], false, 2)
		mark("bob", said[0], false, 2)
		mark("bob", said[3], true, 1)
		mark("gus", said[4], true, 0)
		mark("ann", said[0], true, 0)
		say(t, r, as["bob"], "den", "mine is no news to me")
		for name, want := range map[string]int64{"ann": 1, "bob": 1, "gus": 1} {
			if got := unreadOf(t, r, as[name], "den"); got != want {
				t.Errorf("%s has %d unread, want %d", name, got, want)
			}
		}
		for what, id := range map[string]int64{"another chat's": elsewhere, "no message's": said[0] - 1, "nothing's": chat.MaxPosition} {
			if _, err := r.MarkRead(t.Context(), as["bob"], "den", id); err == nil {
				t.Errorf("%s id is taken", what)
			} else {
				wantRefusal(t, err, chat.ErrInvalid)
			}
		}
		_, err := r.MarkRead(t.Context(), as["zoe"], "den", said[0])
		wantRefusal(t, err, chat.ErrNotFound)
		_, err = r.Markers(t.Context(), as["zoe"], "den", wholeList)
		wantRefusal(t, err, chat.ErrNotFound)
		want := []string{fmt.Sprint("ann ", said[0]), fmt.Sprint("bob ", said[3]), fmt.Sprint("gus ", said[4])}
		if got := markersOf(t, r, as["gus"], "den"); !slices.Equal(got, want) {
			t.Errorf("the markers are %q, want %q", got, want)
		}
	})
}

func TestAMarkerEndsWithItsMembership(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": chat.RoleMember})
		old := say(t, r, as["ann"], "den", "before").ID
		if _, err := r.MarkRead(t.Context(), as["bob"], "den", old); err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveMember(t.Context(), as["bob"], "den", "bob"); err != nil {
			t.Fatal(err)
		}
		say(t, r, as["ann"], "den", "meanwhile")
		if _, err := r.PutMember(t.Context(), as["bob"], "den", "bob", ""); err != nil {
			t.Fatal(err)
		}
		if got := markersOf(t, r, as["ann"], "den"); got != nil {
			t.Errorf("there are markers: %q", got)
		}
		say(t, r, as["ann"], "den", "behind the join")
		if got := unreadOf(t, r, as["bob"], "den"); got != 1 {
			t.Errorf("%d unread behind the join, want 1", got)
		}
		// What came before the join is no news, and its marker shows.
		if m, err := r.MarkRead(t.Context(), as["bob"], "den", old); err != nil || !m.Moved {
			t.Errorf("%+v, %v", m, err)
		}
		if got := unreadOf(t, r, as["bob"], "den"); got != 1 {
			t.Errorf("%d unread behind a marker before the join, want 1", got)
		}
		if got := markersOf(t, r, as["ann"], "den"); !slices.Equal(got, []string{fmt.Sprint("bob ", old)}) {
			t.Errorf("the markers are %q", got)
		}
		wantWholeLog(t, r)
	})
}

func TestAMarkerIsCountedHoweverFarItMoves(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		first := headOf(t, r) + 1
		for range 3 {
			fillChat(t, r, "den", "ann", 700)
			fillChat(t, r, "den", "bob", 600)
		}
		for _, id := range []int64{first + 10, first + 1000, first + 2100, first + 3890, first + 3899} {
			if _, err := r.MarkRead(t.Context(), as["bob"], "den", id); err != nil {
				t.Fatal(err)
			}
			want := number(t, r, `SELECT count(*) FROM messages WHERE chat = 'den' AND author <> 'bob' AND id > ?`, id)
			if got := unreadOf(t, r, as["bob"], "den"); got != want {
				t.Errorf("%d unread behind %d, want %d", got, id, want)
			}
		}
	})
}

func TestTypingIsAdmittedWhereAPostIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "gus", "zoe")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"gus": chat.RoleGuest})
		before := headOf(t, r)
		for name, want := range map[string]*chat.Error{"ann": nil, "gus": chat.ErrReadOnly, "zoe": chat.ErrNotFound} {
			head, err := r.AdmitTyping(t.Context(), as[name], "den")
			wantRefusal(t, err, want)
			if want == nil && head != before {
				t.Errorf("the head is %d, want %d", head, before)
			}
		}
	})
}
