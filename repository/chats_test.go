package repository

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/chat"
)

// wholeList asks for a list that is shorter than the longest page.
var wholeList = chat.ListQuery{Limit: chat.MaxList}

func ids(chats []chat.Chat) []string {
	ids := make([]string, len(chats))
	for i, ch := range chats {
		ids[i] = ch.ID
	}
	return ids
}

func TestTheFirstEventOfAChatIsItsOwnersJoining(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		made, err := r.CreateChat(t.Context(), ann, chat.NewChat{ID: "lobby", Title: "The ☂", Visibility: chat.Public})
		if err != nil {
			t.Fatal(err)
		}
		owner, none := chat.RoleOwner, int64(0)
		want := chat.Chat{
			ID: "lobby", Title: "The ☂", Visibility: chat.Public, Role: &owner,
			Head: 1, Unread: &none, LastMessage: new(*chat.Message), CreatedAt: made.CreatedAt,
		}
		if !reflect.DeepEqual(made, want) || made.CreatedAt.IsZero() {
			t.Errorf("made %+v, want %+v", made, want)
		}
		wantTold(t, r, 0, "member.joined lobby/1 ann owner")
		read, err := r.Chat(t.Context(), ann, "lobby")
		if err != nil || !reflect.DeepEqual(read, made) {
			t.Errorf("read %+v, %v; want %+v", read, err, made)
		}
	})
}

func TestAChatWithoutAnIDIsGivenOneOfItsOwn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		given := map[string]bool{}
		for range 3 {
			ch, err := r.CreateChat(t.Context(), ann, chat.NewChat{Visibility: chat.Private})
			if err != nil {
				t.Fatal(err)
			}
			if err := chat.CheckChatID(ch.ID); err != nil || given[ch.ID] {
				t.Errorf("given %q: %v", ch.ID, err)
			}
			given[ch.ID] = true
		}
	})
}

func TestAChatIDIsNeverUsedAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		before := headOf(t, r)
		again := func() {
			t.Helper()
			_, err := r.CreateChat(t.Context(), as["bob"], chat.NewChat{ID: "den", Visibility: chat.Public})
			wantRefusal(t, err, chat.ErrChatExists)
		}
		again()
		wantTold(t, r, before)
		if err := r.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
			t.Fatal(err)
		}
		again()
	})
}

func TestOfManyWhoMakeOneChatAtOnceOneOwnsIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "bob")
		for i := range 10 {
			id := fmt.Sprintf("chat-%d", i)
			create := func(r *Repository, actor chat.Actor) func() error {
				return func() error {
					_, err := r.CreateChat(t.Context(), actor, chat.NewChat{ID: id, Visibility: chat.Public})
					return err
				}
			}
			errs := together(create(one, as["ann"]), create(other, as["bob"]))
			if n := count(t, errs, chat.ErrChatExists); n != 1 {
				t.Fatalf("%d of 2 were refused, want 1", n)
			}
			owner := "ann"
			if errs[0] != nil {
				owner = "bob"
			}
			members, err := one.Members(t.Context(), as[owner], id, wholeList)
			if err != nil || len(members.Items) != 1 || members.Items[0].Username != owner || members.Items[0].Role != chat.RoleOwner {
				t.Fatalf("members are %+v, %v; want %s alone", members, err, owner)
			}
		}
		if n := len(logAfter(t, one, 0)); n != 10 {
			t.Errorf("the log has %d events, want 10", n)
		}
	})
}

func TestAPrivateChatIsToOthersAsOneThatDoesNotExist(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "dan", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin})
		m := say(t, r, as["ann"], "den", "secret")
		if err := r.RemoveMember(t.Context(), as["bob"], "den", "bob"); err != nil {
			t.Fatal(err)
		}
		makeChat(t, r, as["ann"], "gone", chat.Public, map[string]chat.Role{"bob": chat.RoleAdmin})
		deleted := say(t, r, as["ann"], "gone", "erased")
		if err := r.DeleteChat(t.Context(), as["ann"], "gone"); err != nil {
			t.Fatal(err)
		}
		before := headOf(t, r)
		title := "taken"
		for _, tc := range []struct {
			actor, chat string
			message     int64
		}{
			{"dan", "den", m.ID},
			{"bob", "den", m.ID}, // was in it once
			{"dan", "nowhere", 12345},
			{"dan", "gone", deleted.ID},
			{"bob", "gone", deleted.ID},
			{"ann", "gone", deleted.ID},
		} {
			t.Run(tc.actor+" of "+tc.chat, func(t *testing.T) {
				actor := as[tc.actor]
				_, err := r.Chat(t.Context(), actor, tc.chat)
				wantRefusal(t, err, chat.ErrNotFound)
				_, err = r.UpdateChat(t.Context(), actor, tc.chat, chat.ChatChange{Title: &title})
				wantRefusal(t, err, chat.ErrNotFound)
				wantRefusal(t, r.DeleteChat(t.Context(), actor, tc.chat), chat.ErrNotFound)
				_, err = r.Members(t.Context(), actor, tc.chat, wholeList)
				wantRefusal(t, err, chat.ErrNotFound)
				for _, username := range []string{tc.actor, "ann", "nobody"} {
					_, err = r.PutMember(t.Context(), actor, tc.chat, username, "")
					wantRefusal(t, err, chat.ErrNotFound)
					wantRefusal(t, r.RemoveMember(t.Context(), actor, tc.chat, username), chat.ErrNotFound)
				}
				_, err = r.History(t.Context(), actor, tc.chat, chat.HistoryQuery{Limit: 1})
				wantRefusal(t, err, chat.ErrNotFound)
				_, err = r.Message(t.Context(), actor, tc.message)
				wantRefusal(t, err, chat.ErrNotFound)
				for list, chats := range map[string]func() (chat.Page[chat.Chat], error){
					"his":    func() (chat.Page[chat.Chat], error) { return r.MemberChats(t.Context(), actor, wholeList) },
					"public": func() (chat.Page[chat.Chat], error) { return r.PublicChats(t.Context(), actor, wholeList) },
				} {
					got, err := chats()
					if err != nil || slices.Contains(ids(got.Items), tc.chat) {
						t.Errorf("%s chats are %q, %v; want them without %s", list, ids(got.Items), err, tc.chat)
					}
				}
			})
		}
		wantTold(t, r, before)
	})
}

func TestAPublicChatIsSeenByAllAndReadByItsMembers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "dan")
		makeChat(t, r, as["ann"], "square", chat.Public, nil)
		m := say(t, r, as["ann"], "square", "hello")
		before := headOf(t, r)
		dan := as["dan"]

		seen, err := r.Chat(t.Context(), dan, "square")
		if err != nil {
			t.Fatal(err)
		}
		want := chat.Chat{ID: "square", Title: "The square", Visibility: chat.Public, CreatedAt: seen.CreatedAt}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("dan sees %+v, want %+v", seen, want)
		}
		if all, err := r.PublicChats(t.Context(), dan, wholeList); err != nil || !reflect.DeepEqual(all.Items, []chat.Chat{want}) {
			t.Errorf("dan sees %+v among the public chats, %v; want %+v", all, err, want)
		}
		if his, err := r.MemberChats(t.Context(), dan, wholeList); err != nil || his.Items == nil || len(his.Items) != 0 {
			t.Errorf("dan is in %#v, %v; want none", his, err)
		}

		title := "taken"
		_, err = r.Members(t.Context(), dan, "square", wholeList)
		wantRefusal(t, err, chat.ErrNotAMember)
		_, err = r.History(t.Context(), dan, "square", chat.HistoryQuery{Limit: 1})
		wantRefusal(t, err, chat.ErrNotAMember)
		_, err = r.Message(t.Context(), dan, m.ID)
		wantRefusal(t, err, chat.ErrNotAMember)
		_, err = r.UpdateChat(t.Context(), dan, "square", chat.ChatChange{Title: &title})
		wantRefusal(t, err, chat.ErrNotAMember)
		wantRefusal(t, r.DeleteChat(t.Context(), dan, "square"), chat.ErrNotAMember)
		wantTold(t, r, before)
	})
}

func TestChatsAreListedByIDAsTheActorSeesThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		for _, id := range []string{"b", "ab", "a-c", "a", "1"} {
			v := chat.Private
			if len(id) == 1 {
				v = chat.Public
			}
			makeChat(t, r, as["ann"], id, v, nil)
		}
		for _, id := range []string{"ab", "a"} {
			if _, err := r.PutMember(t.Context(), as["ann"], id, "bob", ""); err != nil {
				t.Fatal(err)
			}
			say(t, r, as["ann"], id, "to "+id)
		}
		for _, tc := range []struct {
			actor        string
			his, visible []string
		}{
			{"ann", []string{"1", "a", "a-c", "ab", "b"}, []string{"1", "a", "b"}},
			{"bob", []string{"a", "ab"}, []string{"1", "a", "b"}},
		} {
			his, err := r.MemberChats(t.Context(), as[tc.actor], wholeList)
			if err != nil || !slices.Equal(ids(his.Items), tc.his) {
				t.Errorf("%s is in %q, %v; want %q", tc.actor, ids(his.Items), err, tc.his)
			}
			visible, err := r.PublicChats(t.Context(), as[tc.actor], wholeList)
			if err != nil || !slices.Equal(ids(visible.Items), tc.visible) {
				t.Errorf("%s sees %q, %v; want %q", tc.actor, ids(visible.Items), err, tc.visible)
			}
			for _, listed := range slices.Concat(his.Items, visible.Items) {
				alone, err := r.Chat(t.Context(), as[tc.actor], listed.ID)
				if err != nil || !reflect.DeepEqual(listed, alone) {
					t.Errorf("%s is listed as %+v and read as %+v, %v", listed.ID, listed, alone, err)
				}
			}
		}
	})
}

func TestUnreadAreTheMessagesOfOthersSinceTheJoin(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cid")
		makeChat(t, r, as["ann"], "lobby", chat.Public, nil)
		makeChat(t, r, as["ann"], "other", chat.Public, map[string]chat.Role{"bob": chat.RoleMember})
		want := func(username string, unread int64, last string) {
			t.Helper()
			ch, err := r.Chat(t.Context(), as[username], "lobby")
			switch {
			case err != nil:
				t.Error(err)
			case *ch.Unread != unread:
				t.Errorf("%s has %d unread, want %d", username, *ch.Unread, unread)
			case last == "" && ch.Last() != nil, last != "" && (ch.Last() == nil || ch.Last().Text != last):
				t.Errorf("the last message is %+v, want %q", ch.Last(), last)
			case ch.Head != number(t, r, `SELECT max(pos) FROM events WHERE chat = 'lobby'`):
				t.Errorf("the head is %d", ch.Head)
			}
		}
		join := func(username string) {
			t.Helper()
			if _, err := r.PutMember(t.Context(), as[username], "lobby", username, ""); err != nil {
				t.Fatal(err)
			}
		}
		leave := func(username string) {
			t.Helper()
			if err := r.RemoveMember(t.Context(), as[username], "lobby", username); err != nil {
				t.Fatal(err)
			}
		}
		want("ann", 0, "")
		say(t, r, as["ann"], "lobby", "one")
		want("ann", 0, "one")
		join("bob")
		want("bob", 0, "one")
		say(t, r, as["ann"], "lobby", "two")
		want("bob", 1, "two")
		say(t, r, as["bob"], "lobby", "three")
		say(t, r, as["bob"], "other", "elsewhere")
		say(t, r, as["ann"], "other", "elsewhere")
		want("bob", 1, "three")
		want("ann", 1, "three")
		join("cid") // events that are no messages
		if _, err := r.PutMember(t.Context(), as["ann"], "lobby", "cid", chat.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		title := "New"
		if _, err := r.UpdateChat(t.Context(), as["cid"], "lobby", chat.ChatChange{Title: &title}); err != nil {
			t.Fatal(err)
		}
		want("bob", 1, "three")
		want("cid", 0, "three")
		say(t, r, as["cid"], "lobby", "four")
		want("bob", 2, "four")
		want("ann", 2, "four")
		want("cid", 0, "four")
		leave("bob")
		say(t, r, as["ann"], "lobby", "five")
		join("bob")
		want("bob", 0, "five")
		say(t, r, as["ann"], "lobby", "six")
		want("bob", 1, "six")
		want("cid", 2, "six")
		if m, err := r.Chat(t.Context(), as["bob"], "lobby"); err != nil ||
			m.Last().Author != "ann" || m.Last().Chat != "lobby" || m.Last().ID != m.Head || m.Last().Seq == 0 {
			t.Errorf("the last message is %+v, %v", m.Last(), err)
		}
	})
}

func TestAChatIsChangedByThoseWhoManageIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cid")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin, "cid": chat.RoleMember})
		before := headOf(t, r)
		title, empty, same := "New ☂", "", "The den"
		private, public := chat.Private, chat.Public

		_, err := r.UpdateChat(t.Context(), as["cid"], "den", chat.ChatChange{Title: &title})
		wantRefusal(t, err, chat.ErrForbidden)
		for _, nothing := range []chat.ChatChange{{}, {Title: &same}, {Visibility: &private}, {Title: &same, Visibility: &private}} {
			ch, err := r.UpdateChat(t.Context(), as["bob"], "den", nothing)
			if err != nil || ch.Title != same || ch.Visibility != private || *ch.Role != chat.RoleAdmin {
				t.Errorf("a change of nothing answers %+v, %v", ch, err)
			}
		}
		wantTold(t, r, before)

		ch, err := r.UpdateChat(t.Context(), as["bob"], "den", chat.ChatChange{Title: &title})
		if err != nil || ch.Title != title || ch.Visibility != private || ch.Head != before+1 {
			t.Errorf("a new title answers %+v, %v", ch, err)
		}
		ch, err = r.UpdateChat(t.Context(), as["ann"], "den", chat.ChatChange{Title: &empty, Visibility: &public})
		if err != nil || ch.Title != "" || ch.Visibility != public || ch.Head != before+2 {
			t.Errorf("no title and another visibility answer %+v, %v", ch, err)
		}
		wantTold(t, r, before, "chat.updated den/4  ", "chat.updated den/5  ")
		n := number(t, r, `SELECT count(*) FROM events WHERE pos = ? AND title = ? AND visibility = 'private'
			OR pos = ? AND title = '' AND visibility = 'public'`, before+1, title, before+2)
		if n != 2 {
			t.Errorf("%d of 2 events tell how the chat is now", n)
		}
		if read, err := r.Chat(t.Context(), as["ann"], "den"); err != nil || !reflect.DeepEqual(read, ch) {
			t.Errorf("read %+v, %v; want %+v", read, err, ch)
		}
	})
}

func TestOnlyAnOwnerDeletesAChat(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cid", "amy")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{
			"bob": chat.RoleAdmin, "cid": chat.RoleMember, "amy": chat.RoleOwner,
		})
		wantRefusal(t, r.DeleteChat(t.Context(), as["bob"], "den"), chat.ErrForbidden)
		wantRefusal(t, r.DeleteChat(t.Context(), as["cid"], "den"), chat.ErrForbidden)
		wantRefusal(t, r.DeleteChat(t.Context(), as["amy"], "den"), nil)
		wantRefusal(t, r.DeleteChat(t.Context(), as["ann"], "den"), chat.ErrNotFound)
	})
}

func TestADeletedChatKeepsItsRowsAndNothingThatWasSaid(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cid")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleAdmin, "cid": chat.RoleMember})
		makeChat(t, r, as["ann"], "other", chat.Private, nil)
		title := "A secret title"
		if _, err := r.UpdateChat(t.Context(), as["ann"], "den", chat.ChatChange{Title: &title}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			say(t, r, as["ann"], "den", "a secret text")
		}
		kept := say(t, r, as["ann"], "other", "a kept text")
		if err := r.RemoveMember(t.Context(), as["cid"], "den", "cid"); err != nil {
			t.Fatal(err)
		}
		before := headOf(t, r)
		if err := r.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
			t.Fatal(err)
		}
		wantTold(t, r, before, "chat.deleted den/9  ")
		waitClosed(t, r)

		for what, query := range map[string]string{
			"texts":            `SELECT count(*) FROM messages WHERE chat = 'den' AND text <> ''`,
			"titles":           `SELECT count(*) FROM chats WHERE id = 'den' AND title <> ''`,
			"titles in events": `SELECT count(*) FROM events WHERE chat = 'den' AND title <> ''`,
			"open memberships": `SELECT count(*) FROM memberships WHERE chat = 'den' AND left_pos IS NULL`,
		} {
			if n := number(t, r, query); n != 0 {
				t.Errorf("there are %d %s left", n, what)
			}
		}
		if n := number(t, r, `SELECT count(*) FROM memberships WHERE chat = 'den' AND left_pos = ?`, before+1); n != 2 {
			t.Errorf("%d memberships ended with the chat, want the 2 that there were", n)
		}
		for table, want := range map[string]int64{"messages WHERE chat = 'den'": 3, "events WHERE chat = 'den'": 9, "memberships WHERE chat = 'den'": 3} {
			if n := number(t, r, `SELECT count(*) FROM `+table); n != want {
				t.Errorf("there are %d %s, want %d", n, table, want)
			}
		}
		if m, err := r.Message(t.Context(), as["ann"], kept.ID); err != nil || m.Text != "a kept text" {
			t.Errorf("another chat's message is now %+v, %v", m, err)
		}
	})
}

// The statements behind what is read are written for indexes; a database that
// finds another way would take as long as the log is.
func TestWhatIsReadOfALongLogIsReadByIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "hot", chat.Public, map[string]chat.Role{"bob": chat.RoleAdmin})
		makeChat(t, r, as["ann"], "quiet", chat.Public, map[string]chat.Role{"bob": chat.RoleAdmin})
		fillChat(t, r, "quiet", "ann", 8_000)
		said := say(t, r, as["ann"], "quiet", "hello")
		fillChat(t, r, "hot", "ann", 8_000)
		say(t, r, as["bob"], "hot", "mine")
		fill(t, r, `INSERT INTO chats (id, title, visibility, created_at, seq, head)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT 'other-' || i, '', 'private', 0, 0, 0 FROM n`)
		fill(t, r, `INSERT INTO read_markers (chat, username, joined_pos, id, seen)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT 'other-' || i, 'bob', 1, 1, 1 FROM n`)
		fill(t, r, `ANALYZE`)

		ctx, bob := t.Context(), as["bob"]
		plans := &explaining{queryer: r.pool, d: r.dialect}
		h := handle{plans, r.dialect}
		for _, chatID := range []string{"hot", "quiet"} {
			middle := said.ID + 1000
			for _, q := range []chat.HistoryQuery{{Limit: 50}, {Before: &middle, Limit: 50}, {After: &middle, Limit: 50}} {
				if _, err := h.history(ctx, bob, chatID, q); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.chatAfter(ctx, chatID, said.ID, said.ID+8000, 50); err != nil {
				t.Fatal(err)
			}
			if _, err := h.admit(ctx, bob, chat.ReadMessages, chatID); err != nil {
				t.Fatal(err)
			}
			if _, err := h.chat(ctx, bob, chatID); err != nil {
				t.Fatal(err)
			}
			if _, err := h.member(ctx, chatID, "bob"); err != nil {
				t.Fatal(err)
			}
			asks := askMemberFacts(bob, chatID, "ann", 10)
			if err := h.get(ctx, new(memberFacts), asks.query, asks.args...); err != nil {
				t.Fatal(err)
			}
			m, err := h.markerMove(ctx, bob, chatID, said.ID)
			if (err == nil) != (chatID == "quiet") {
				t.Fatal(m, err)
			}
			var n struct{ Passed, Others, Reached int64 }
			if err := h.get(ctx, &n, walked, "bob", middle+9000, chatID, middle, firstWalk); err != nil {
				t.Fatal(err)
			}
			var markers []markerRow
			if err := h.all(ctx, &markers, selectMarkers, chatID, "", 100); err != nil {
				t.Fatal(err)
			}
		}
		his, err := h.chats(ctx, bob, chat.ListQuery{Limit: 100}, r.dialect.selectOwnChats(), `m.chat`)
		if err != nil || len(his.Items) != 2 {
			t.Fatal(his, err)
		}
		// PostgreSQL rightly reads a table of two chats or sessions whole.
		scan := regexp.MustCompile(`Seq Scan on (messages|events|read_markers)|SCAN (m|e|l|c|k|messages|events|read_markers)\b|(messages|events)_pkey on .*rows=[0-9]{2,}|SEARCH o USING INDEX messages_chat \(chat=\?\)`)
		for _, plan := range plans.plans {
			if scan.MatchString(plan) {
				t.Errorf("a plan goes through a whole table:\n%s", plan)
			}
		}
		if len(plans.plans) != 23 {
			t.Errorf("looked at %d plans", len(plans.plans))
		}
		ch, err := r.Chat(ctx, bob, "hot")
		if err != nil || *ch.Unread != 8_000 {
			t.Errorf("unread are %d, %v; want 8000", *ch.Unread, err)
		}
		if testing.Verbose() {
			t.Log(strings.Join(plans.plans, "\n---\n"))
		}
	})
}
