package repository

import (
	"fmt"
	"slices"
	"testing"

	"parley/chat"
)

// pages reads a list page by page.
func pages[T any](t *testing.T, limit int, id func(T) string, page func(chat.ListQuery) (chat.Page[T], error)) (all []string) {
	t.Helper()
	for q := (chat.ListQuery{Limit: limit}); ; {
		p, err := page(q)
		if err != nil || len(p.Items) > limit || p.More && len(p.Items) < limit {
			t.Fatalf("a page of %d behind %q has %d, and more: %t; %v", limit, q.After, len(p.Items), p.More, err)
		}
		for _, item := range p.Items {
			all = append(all, id(item))
		}
		if !p.More {
			return all
		}
		q.After = all[len(all)-1]
	}
}

func chatID(ch chat.Chat) string      { return ch.ID }
func memberName(m chat.Member) string { return m.Username }

func TestAListIsReadInPagesInTheOrderOfBytes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		names := []string{"a", "a-b", "a.b", "a_c", "ab", "b"}
		as := signUp(t, r, names...)
		ann := as["a"]
		chats := []string{"1", "a", "a-b", "a-c", "ab", "b", "b0"}
		for _, id := range slices.Backward(chats) {
			makeChat(t, r, ann, id, chat.Public, nil)
		}
		makeChat(t, r, as["b"], "a-bob", chat.Public, nil)
		makeChat(t, r, ann, "aa", chat.Public, nil)
		if err := r.DeleteChat(t.Context(), ann, "aa"); err != nil {
			t.Fatal(err)
		}
		for _, name := range names[1:] {
			if _, err := r.PutMember(t.Context(), ann, "ab", name, ""); err != nil {
				t.Fatal(err)
			}
		}
		public := []string{"1", "a", "a-b", "a-bob", "a-c", "ab", "b", "b0"}
		for limit := 1; limit <= len(public)+1; limit++ {
			own := pages(t, limit, chatID, func(q chat.ListQuery) (chat.Page[chat.Chat], error) { return r.MemberChats(t.Context(), ann, q) })
			open := pages(t, limit, chatID, func(q chat.ListQuery) (chat.Page[chat.Chat], error) { return r.PublicChats(t.Context(), ann, q) })
			members := pages(t, limit, memberName, func(q chat.ListQuery) (chat.Page[chat.Member], error) { return r.Members(t.Context(), ann, "ab", q) })
			if !slices.Equal(own, chats) || !slices.Equal(open, public) || !slices.Equal(members, names) {
				t.Errorf("by %d:\n%q\n%q\n%q", limit, own, open, members)
			}
		}
		// A page begins behind a place, whether something is there or not.
		p, err := r.MemberChats(t.Context(), ann, chat.ListQuery{After: "a-bx", Limit: 1})
		if err != nil || len(p.Items) != 1 || p.Items[0].ID != "a-c" {
			t.Errorf("behind a place of nothing: %+v, %v", p, err)
		}
	})
}

// A page costs the same however long the list is, and however often the user came and went.
func TestAPageOfAListIsReadByIndexInItsOrder(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		const many, some = 100_000, 20_000
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		ann := as["ann"]
		makeChat(t, r, ann, "den", chat.Public, nil)
		fillMembers(t, r, "den", many)
		fillMany(t, r, many, `INSERT INTO chats (id, title, visibility, created_at, seq, head)`, `SELECT 'c' || i, '', 'public', 0, 0, 0 FROM n`)
		fillMany(t, r, some, `INSERT INTO memberships (username, chat, joined_pos, role, joined_at)`, `SELECT 'm' || i, 'c' || i, 1, 'member', 0 FROM n`)
		fillMany(t, r, 1_000, `INSERT INTO memberships (username, chat, joined_pos, role, joined_at)`, `SELECT 'ann', 'c' || i, 1, 'member', 0 FROM n`)
		fillMany(t, r, 4_000, `INSERT INTO memberships (username, chat, joined_pos, left_pos, role, joined_at)`, `SELECT 'ann', 'den', -2 * i, 1 - 2 * i, 'member', 0 FROM n`)
		for _, kind := range []string{"sign-in", "token"} { // a tenth is ann's
			fillMany(t, r, some, `INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at, kind)`,
				`SELECT CAST(? AS TEXT) || i, CASE WHEN i % 10 = 0 THEN 'ann' ELSE 'm' || i END, 0, s.access_expires_at, s.refresh_hash, 0, 0, s.refresh_expires_at, CAST(? AS TEXT)
				FROM n, sessions s WHERE s.id = ?`, kind, kind, ann.Session)
		}
		fillMany(t, r, some, `INSERT INTO invites (code, creator, signup, uses, created_at, expires_at)`,
			`SELECT 'C' || i, CASE WHEN i % 10 = 0 THEN 'ann' ELSE 'm' || i END, true, 1, 0, s.refresh_expires_at FROM n, sessions s WHERE s.id = ?`, ann.Session)
		if r.dialect == postgresDialect { // SQLite is never told to
			fill(t, r, `ANALYZE`)
		}
		plans := &explaining{queryer: r.pool, d: r.dialect}
		h := handle{plans, r.dialect}
		ctx, q := t.Context(), chat.ListQuery{After: "a", Limit: 10}
		for _, c := range []struct {
			index string
			read  func() (n int, err error)
		}{
			{"memberships_of", func() (int, error) {
				return pageOf(h.chats(ctx, ann, q, r.dialect.selectOwnChats(), `m.chat`))
			}},
			{"chats_public", func() (int, error) {
				return pageOf(h.chats(ctx, ann, q, r.dialect.selectChats()+isPublic, `c.id`))
			}},
			{"memberships_present", func() (int, error) { return pageOf(h.members(ctx, "den", q)) }},
			{primaryKey(r, "users"), func() (int, error) { return pageOf(h.users(ctx, chat.UserQuery{ListQuery: q})) }},
			{"sessions_of", func() (int, error) { return pageOf(h.sessions(ctx, ann, q)) }},
			{"sessions_of", func() (int, error) { return pageOf(h.tokens(ctx, "ann", q)) }},
			{primaryKey(r, "invites"), func() (int, error) { return pageOf(h.invites(ctx, "", chat.ListQuery{After: "C", Limit: 10})) }},
			{"invites_of", func() (int, error) { return pageOf(h.invites(ctx, "ann", chat.ListQuery{After: "C", Limit: 10})) }},
			{"memberships_of", func() (int, error) {
				var full bool
				err := h.get(ctx, &full, `SELECT `+inTooManyChats, tooManyChats("ann", 5)...)
				if !full {
					return 0, err
				}
				return 10, err
			}},
		} {
			if n, err := c.read(); err != nil || n != 10 {
				t.Fatalf("%s: %d, %v", c.index, n, err)
			}
			wantPlan(t, plans, c.index)
			wantNothingWalked(t, plans)
		}
	})
}

// pageOf is how many items a page has.
func pageOf[T any](p chat.Page[T], err error) (int, error) { return len(p.Items), err }

func TestAUserIsInNoMoreChatsThanAUserMayBe(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		const most = 3
		r := s.open(t, func(o *Options) { o.MaxChats = most })
		r.cleaner.close()
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		for i := range most {
			makeChat(t, r, ann, fmt.Sprint("ann-", i), chat.Public, nil)
		}
		makeChat(t, r, bob, "lobby", chat.Public, nil)
		before := headOf(t, r)
		create := func(id string) error {
			_, err := r.CreateChat(t.Context(), ann, chat.NewChat{ID: id, Visibility: chat.Public})
			return err
		}
		put := func(by chat.Actor) error {
			_, err := r.PutMember(t.Context(), by, "lobby", "ann", "")
			return err
		}
		wantRefusal(t, create("one-more"), chat.ErrTooManyChats)
		wantRefusal(t, put(ann), chat.ErrTooManyChats)
		wantRefusal(t, put(bob), chat.ErrTooManyChats)
		wantTold(t, r, before)
		if n := number(t, r, `SELECT count(*) FROM chats WHERE id = 'one-more'`); n != 0 {
			t.Error("a chat that was refused is there")
		}
		_, err := r.PutMember(t.Context(), ann, "ann-0", "ann", "")
		wantRefusal(t, err, nil) // is one already

		// A chat that is deleted counts no more, whether its rows are closed yet or not.
		wantRefusal(t, r.DeleteChat(t.Context(), ann, "ann-0"), nil)
		wantRefusal(t, put(bob), nil)
		wantRefusal(t, create("one-more"), chat.ErrTooManyChats)
		wantRefusal(t, r.RemoveMember(t.Context(), ann, "lobby", "ann"), nil)
		wantRefusal(t, create("one-more"), nil)
		wantRefusal(t, put(ann), chat.ErrTooManyChats)
	})
}

func TestOfManyJoinsAtOnceNoneGoesBeyondTheLimit(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		const most = 5
		r := s.open(t, func(o *Options) { o.MaxChats = most })
		ann := signUp(t, r, "ann")["ann"]
		var creates []func() error
		for i := range 4 * most {
			creates = append(creates, func() error {
				_, err := r.CreateChat(t.Context(), ann, chat.NewChat{ID: fmt.Sprint("c", i), Visibility: chat.Public})
				return err
			})
		}
		if n := count(t, together(creates...), chat.ErrTooManyChats); n != 3*most {
			t.Errorf("%d of %d were refused", n, 4*most)
		}
	})
}
