package repository

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"parley/chat"
)

func whereabouts(username, chatID string) chat.Whereabouts {
	return chat.Whereabouts{Username: username, Chat: chatID}
}

// wantPresent wants these to be present in a chat, of whom here are at this instance.
func wantPresent(t *testing.T, r *Repository, actor chat.Actor, chatID string, here []string, want ...string) {
	t.Helper()
	var present []string
	for q := (chat.ListQuery{Limit: 2}); ; {
		page, err := r.Present(t.Context(), actor, chatID, func() []string { return here }, q)
		if err != nil {
			t.Fatal(err)
		}
		if present = append(present, page.Items...); !page.More {
			break
		}
		q.After = present[len(present)-1]
	}
	if !slices.Equal(present, want) {
		t.Errorf("present in %s are %q, want %q", chatID, present, want)
	}
}

func TestMembersAlonePresentAtThisInstanceAreListed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "gus", "zoe")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember, "gus": chat.RoleGuest})
		wantPresent(t, r, as["gus"], "den", []string{"zoe", "gus", "ann", "bob"}, "ann", "bob", "gus")
		wantPresent(t, r, as["ann"], "den", nil)
		if err := r.RemoveMember(t.Context(), as["bob"], "den", "bob"); err != nil {
			t.Fatal(err)
		}
		wantPresent(t, r, as["ann"], "den", []string{"ann", "bob"}, "ann")
		for _, name := range []string{"bob", "zoe"} {
			_, err := r.Present(t.Context(), as[name], "den", func() []string { return nil }, wholeList)
			wantRefusal(t, err, chat.ErrNotFound)
		}
	})
}

// The instance is asked who is present after the decision and before the page's snapshot, for
// which what ends the actor's rights meanwhile counts.
func TestWhoIsHereIsAskedOnlyForThoseWhoMayKnow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "zoe")
		makeChat(t, r, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": chat.RoleMember})
		asked := 0
		leave := func() []string {
			asked++
			if asked > 1 {
				if err := r.RemoveMember(t.Context(), as["bob"], "den", "bob"); err != nil {
					t.Error(err)
				}
			}
			return []string{"ann", "bob"}
		}
		_, err := r.Present(t.Context(), as["zoe"], "den", leave, wholeList)
		wantRefusal(t, err, chat.ErrNotAMember)
		_, err = r.Present(t.Context(), as["zoe"], "nowhere", leave, wholeList)
		wantRefusal(t, err, chat.ErrNotFound)
		if asked != 0 {
			t.Errorf("asked %d times for somebody who may not know", asked)
		}
		page, err := r.Present(t.Context(), as["bob"], "den", leave, wholeList)
		if err != nil || !slices.Equal(page.Items, []string{"ann", "bob"}) || asked != 1 {
			t.Errorf("present are %q, %v; asked %d times", page.Items, err, asked)
		}
		_, err = r.Present(t.Context(), as["bob"], "den", leave, wholeList)
		wantRefusal(t, err, chat.ErrNotAMember)
	})
}

func TestPresenceIsToldAndCountsAsLongAsTheLease(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	as := signUp(t, here.r, "ann", "bob", "cid", "dan")
	for _, id := range []string{"den", "attic"} {
		makeChat(t, here.r, as["ann"], id, chat.Private, map[string]chat.Role{"bob": "", "cid": ""})
	}
	tell := func(l *Lease, came, gone []chat.Whereabouts) {
		t.Helper()
		if err := l.TellPresence(t.Context(), came, gone); err != nil {
			t.Fatal(err)
		}
	}
	tell(there, []chat.Whereabouts{whereabouts("bob", ""), whereabouts("cid", "den"), whereabouts("dan", "")}, nil)
	tell(there, []chat.Whereabouts{whereabouts("bob", ""), whereabouts("bob", "den")}, nil)
	tell(here, []chat.Whereabouts{whereabouts("cid", "attic")}, nil)
	wantPresent(t, here.r, as["ann"], "den", []string{"ann"}, "ann", "bob", "cid")
	wantPresent(t, here.r, as["ann"], "attic", nil, "bob", "cid")

	elsewhere := func(l *Lease, want ...chat.Whereabouts) {
		t.Helper()
		got, err := l.PresentElsewhere(t.Context(), []string{"bob", "cid", "eve"})
		slices.SortFunc(got, func(a, b chat.Whereabouts) int { return len(a.Username+a.Chat) - len(b.Username+b.Chat) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("elsewhere are %v, %v; want %v", got, err, want)
		}
	}
	count := func(l *Lease, want map[string]int) {
		t.Helper()
		if got, err := l.CountElsewhere(t.Context(), []string{"den", "attic", "nowhere"}); err != nil || !maps.Equal(got, want) {
			t.Errorf("elsewhere are %v, %v; want %v", got, err, want)
		}
	}
	elsewhere(here, whereabouts("bob", ""), whereabouts("bob", "den"), whereabouts("cid", "den"))
	count(here, map[string]int{"den": 2, "attic": 1})
	count(there, map[string]int{"attic": 1})

	tell(there, nil, []chat.Whereabouts{whereabouts("bob", "den"), whereabouts("cid", "den")})
	wantPresent(t, here.r, as["ann"], "den", nil, "bob")
	// An instance that crashed is there no longer than its lease.
	if _, err := there.Renew(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lease has run out", func() bool {
		return number(t, here.r, `SELECT count(*) FROM instances WHERE expires_at <= `+here.r.dialect.now) == 1
	})
	wantPresent(t, here.r, as["ann"], "den", nil)
	elsewhere(here)
	// Others tell of its users, once.
	if got, err := here.Forsaken(t.Context(), time.Minute); err != nil || len(got) != 0 {
		t.Errorf("taken before its time: %v, %v", got, err)
	}
	if err := here.r.dropLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[chat.Whereabouts][]string{whereabouts("bob", ""): {"attic", "den"}}
	got, err := here.Forsaken(t.Context(), 0)
	if delete(got, whereabouts("dan", "")); err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("taken are %v, %v; want %v", got, err, want)
	}
	if got, err := here.Forsaken(t.Context(), 0); err != nil || len(got) != 0 {
		t.Errorf("taken twice: %v, %v", got, err)
	}
	if err := here.r.dropLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := number(t, here.r, `SELECT (SELECT count(*) FROM instances) * 1000 + count(*) FROM presences`); n != 1001 {
		t.Errorf("%d leases and %d rows are left", n/1000, n%1000)
	}
}

func TestAnInstanceOfThePreviousReleaseDropsALeaseWithItsPresence(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	var many []chat.Whereabouts
	for i := range endingSlice + 10 {
		many = append(many, whereabouts(fmt.Sprint("user-", i), ""))
	}
	if err := there.TellPresence(t.Context(), many, nil); err != nil {
		t.Fatal(err)
	}
	fill(t, here.r, `DELETE FROM instances WHERE id = ?`, there.id)
	if n := number(t, here.r, `SELECT count(*) FROM presences`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
