package repository

import (
	"errors"
	"math/rand/v2"
	"testing"

	"parley/chat"
)

func TestWhatIsUnreadIsExactHoweverFarItIsCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r, other := s.openTwo(t)
		names := []string{"ann", "bob", "cid", "dan"}
		as := signUp(t, r, names...)
		rooms := []string{"east", "west"}
		for _, room := range rooms {
			makeChat(t, r, as["ann"], room, chat.Public, nil)
		}
		for range 5 {
			// Members come, go and mark what they have read. What is asked in between is refused.
			severalAtOnce(t, countAfter, func(int) error {
				room, name := rooms[rand.IntN(len(rooms))], names[rand.IntN(len(names))]
				r := []*Repository{r, other}[rand.IntN(2)]
				var err error
				switch rand.IntN(50) {
				case 0:
					err = r.RemoveMember(t.Context(), as[name], room, name)
				case 1, 2, 3, 4, 5:
					_, err = r.PutMember(t.Context(), as[name], room, name, "")
				case 6, 7, 8, 9, 10:
					_, err = r.MarkRead(t.Context(), as[name], room, 1+rand.Int64N(headOf(t, r)))
				default:
					_, err = r.Post(t.Context(), as[name], chat.Post{Chat: room, Text: "hello"})
				}
				if errors.Is(err, chat.ErrNotFound) || errors.Is(err, chat.ErrNotAMember) || errors.Is(err, chat.ErrLastOwner) || errors.Is(err, chat.ErrInvalid) {
					return nil
				}
				return err
			})
			wantWholeLog(t, r)
			eventually(t, "it is counted who wrote what", func() bool {
				return number(t, r, `SELECT h.pos - n.pos FROM head h CROSS JOIN counted n`) <= countAfter
			})
			wantWholeLog(t, r)
		}
		if n := number(t, r, `SELECT sum(messages) FROM own_messages`); n == 0 {
			t.Error("nothing was ever counted")
		}
		if n := number(t, r, `SELECT count(*) FROM read_markers`); n < 2 {
			t.Errorf("there are %d markers", n)
		}
	})
}

// The first schema counted with each post.
func TestADatabaseOfTheFirstSchemaKeepsWhatIsUnread(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		for range 3 {
			say(t, r, as["ann"], "den", "hello")
		}
		say(t, r, as["bob"], "den", "hello")
		// Back to where such a database stood.
		undoBoundedEndings(t, r)
		for _, statement := range []string{
			`UPDATE memberships SET seen = (SELECT count(*) FROM messages m WHERE m.chat = memberships.chat AND m.author = memberships.username)`,
			`DROP INDEX events_beside`,
			`CREATE INDEX events_chat ON events (chat, pos) WHERE chat IS NOT NULL`,
			`DROP TABLE counted`,
			`DROP TABLE own_messages`,
			`DELETE FROM goose_db_version WHERE version_id > 1`,
		} {
			fill(t, r, statement)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		again := s.open(t)
		for name, want := range map[string]int64{"ann": 1, "bob": 3} {
			ch, err := again.Chat(t.Context(), as[name], "den")
			if err != nil || *ch.Unread != want {
				t.Errorf("%s has %d unread, %v; want %d", name, *ch.Unread, err, want)
			}
		}
		say(t, again, as["ann"], "den", "hello")
		wantWholeLog(t, again)
	})
}

// The second schema counted in the batches: up to a position in head, into the memberships.
func TestADatabaseOfTheSecondSchemaKeepsWhatIsUnread(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		talk := func(r *Repository) {
			for range 30 {
				say(t, r, as["ann"], "den", "hello")
				say(t, r, as["bob"], "den", "hello")
			}
		}
		talk(r)
		// Back to where such a database stood, not all of it counted.
		counted := headOf(t, r) - 25
		undoBoundedEndings(t, r)
		for _, statement := range []string{
			`ALTER TABLE head ADD COLUMN counted INTEGER NOT NULL DEFAULT 0`,
			`UPDATE head SET counted = pos - 25`,
			`UPDATE memberships SET seen = seen + (SELECT count(*) FROM messages m, head h
				WHERE m.chat = memberships.chat AND m.author = memberships.username AND m.id <= h.counted)`,
			`DROP TABLE counted`,
			`DROP TABLE own_messages`,
			`DELETE FROM goose_db_version WHERE version_id > 2`,
		} {
			fill(t, r, statement)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		again := s.open(t)
		// Behind the jump of a database without an identity it may be counted further already.
		if n := number(t, again, `SELECT pos FROM counted`); n < counted {
			t.Errorf("it is counted up to %d, want %d or more", n, counted)
		}
		wantWholeLog(t, again)
		talk(again)
		fillChat(t, again, "den", "ann", countAfter)
		talk(again)
		eventually(t, "it is counted who wrote what", func() bool { return number(t, again, `SELECT pos FROM counted`) > counted })
		wantWholeLog(t, again)
	})
}
