package repository

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

func TestAnAccountIsClosedAtOnePositionAndLeavesItsChatsBehindIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		const shared = 2*membershipsAtOnce + 3
		for i := range shared {
			makeChat(t, r, ann, fmt.Sprintf("shared-%02d", i), chat.Private, map[string]chat.Role{"bob": chat.RoleOwner})
		}
		makeChat(t, r, bob, "alone", chat.Public, nil)
		makeChat(t, r, bob, "left", chat.Public, map[string]chat.Role{"ann": chat.RoleOwner})
		wantRefusal(t, r.RemoveMember(t.Context(), bob, "left", "bob"), nil)
		say(t, r, bob, "shared-00", "hello")
		before := headOf(t, r)
		wantRefusal(t, r.CloseAccount(t.Context(), ann, "bob", false), nil)

		_, err := r.User(t.Context(), bob)
		wantRefusal(t, err, chat.ErrSessionEnded)
		if page, err := r.Members(t.Context(), ann, "shared-66", wholeList); err != nil || len(page.Items) != 1 {
			t.Errorf("behind the closing the members are %+v, %v", page.Items, err)
		}
		waitClosed(t, r)
		rows := logAfter(t, r, before)
		if len(rows) != 1+shared+1 || rows[0].Kind != string(chat.KindUserDisabled) || rows[0].Username != "bob" {
			t.Fatalf("the log says %d rows, first %+v", len(rows), rows[0])
		}
		for _, row := range rows[1:] {
			want := logged{Pos: row.Pos, Kind: string(chat.KindMemberLeft), Chat: row.Chat, Seq: 3, Username: "bob", Role: "owner"}
			switch row.Chat {
			case "alone":
				want = logged{Pos: row.Pos, Kind: string(chat.KindChatDeleted), Chat: "alone", Seq: 2}
			case "shared-00":
				want.Seq = 4
			}
			if row != want {
				t.Errorf("the log says %+v, want %+v", row, want)
			}
		}
		if n := number(t, r, `SELECT count(*) FROM users u WHERE username = 'bob' AND display_name = '' AND password_hash = ''
			AND closed_pos = ? AND disabled_pos = ?`, rows[0].Pos, rows[0].Pos); n != 1 {
			t.Error("the account is not closed at its position, or keeps what is personal")
		}
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob' AND ended_pos = ?`, rows[0].Pos); n != 1 {
			t.Error("the session did not end with the account")
		}
		_, err = r.CreateUser(t.Context(), auth.NewUser{Username: "bob", PasswordHash: "x"})
		wantRefusal(t, err, chat.ErrUsernameTaken)
		_, err = r.PutMember(t.Context(), ann, "shared-01", "bob", "")
		wantRefusal(t, err, chat.ErrNotFound)
		if m, err := r.History(t.Context(), ann, "shared-00", chat.HistoryQuery{Limit: 1}); err != nil || len(m.Messages) != 1 || m.Messages[0].Text != "hello" {
			t.Errorf("the texts of a closed account: %+v, %v", m, err)
		}
		wantWholeLog(t, r)
	})
}

func TestAnAccountThatAloneOwnsAChatOfOthersIsNotClosed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		one, other := s.openTwo(t)
		as := signUp(t, one, "ann", "bob", "cat", "dan")
		ann := as["ann"]
		makeChat(t, one, as["bob"], "den", chat.Private, map[string]chat.Role{"cat": chat.RoleMember, "dan": chat.RoleOwner})
		wantRefusal(t, changed(t, one, ann, "dan", chat.UserChange{Disabled: &yes}), nil)
		before := headOf(t, one)
		err := one.CloseAccount(t.Context(), ann, "bob", true)
		wantRefusal(t, err, chat.ErrLastOwner)
		if !strings.HasSuffix(err.Error(), ": den.") {
			t.Errorf("the chat is not named: %v", err)
		}
		wantTold(t, one, before)
		for _, id := range []string{"one", "two", "three"} {
			makeChat(t, one, as["bob"], id, chat.Private, map[string]chat.Role{"cat": chat.RoleMember})
		}
		if err := one.CloseOwnAccount(t.Context(), as["bob"], true); err == nil || !strings.HasSuffix(err.Error(), ": den, one, three and more.") {
			t.Errorf("not the first three chats are named: %v", err)
		}
		for _, id := range []string{"one", "two", "three"} {
			wantRefusal(t, one.DeleteChat(t.Context(), as["bob"], id), nil)
		}
		wantRefusal(t, changed(t, one, ann, "dan", chat.UserChange{Disabled: &no}), nil)

		errs := together(
			func() error { return one.CloseAccount(t.Context(), ann, "bob", false) },
			func() error { return other.CloseAccount(t.Context(), ann, "dan", false) },
		)
		if n := count(t, errs, chat.ErrLastOwner); n != 1 {
			t.Fatalf("of two owners who go at once %d stay: %v", n, errs)
		}
		waitClosed(t, one)
		if n := number(t, one, `SELECT count(*) FROM memberships WHERE chat = 'den' AND role = 'owner' AND left_pos IS NULL`); n != 1 {
			t.Errorf("the chat has %d owners", n)
		}
		// A closed account that is in the chat yet is nobody who would be left behind.
		for _, name := range []string{"cat", "bob", "dan"} {
			if err := one.CloseAccount(t.Context(), ann, name, false); err != nil && number(t, one, `SELECT count(*) FROM users WHERE closed_pos IS NOT NULL AND username = ?`, name) == 0 {
				t.Errorf("closing %s: %v", name, err)
			}
		}
		waitClosed(t, one)
		if n := number(t, one, `SELECT count(*) FROM chats WHERE id = 'den' AND deleted_pos IS NULL`); n != 0 {
			t.Error("a chat whose last member's account was closed goes on")
		}
		wantWholeLog(t, one)
	})
}

func TestTheTextsOfAClosedAccountAreErasedWhereAsked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		for _, id := range []string{"den", "hall"} {
			makeChat(t, r, ann, id, chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		}
		say(t, r, bob, "den", "SECRET one")
		fillChat(t, r, "den", "bob", endingSlice+7)
		fillChat(t, r, "den", "ann", eraseWindow+7)
		say(t, r, bob, "den", "SECRET two")
		wantRefusal(t, r.RemoveMember(t.Context(), ann, "hall", "bob"), nil)
		say(t, r, ann, "hall", "kept")
		_, err := r.PutMember(t.Context(), ann, "hall", "bob", "")
		wantRefusal(t, err, nil)
		say(t, r, bob, "hall", "SECRET three")
		left := func() int64 {
			return number(t, r, `SELECT count(*) FROM messages WHERE author = 'bob' AND text <> ''`)
		}
		wantRefusal(t, r.CloseAccount(t.Context(), ann, "bob", true), nil)
		if left() != endingSlice+10 {
			t.Fatal("the texts are erased: the test shows nothing")
		}
		again := s.open(t) // goes on where a process ended
		waitClosed(t, again)
		if n := left(); n != 0 {
			t.Errorf("%d texts are left", n)
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE author = 'ann' AND text <> ''`); n != eraseWindow+8 {
			t.Errorf("another user has %d texts, want %d", n, eraseWindow+8)
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE author = 'bob'`); n != endingSlice+10 {
			t.Errorf("%d messages are there, want %d", n, endingSlice+10)
		}
		if strings.HasPrefix(s.url, "sqlite:") {
			waitNotFound(t, s, "SECRET")
		}
		wantWholeLog(t, again)
	})
}

func TestAPasswordThatAnAdminSetsEndsTheSignInsAndNoToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		fillSessions(t, r, bob, 2*endedAtOnce)
		fill(t, r, `UPDATE sessions SET kind = 'token' WHERE id = (SELECT min(id) FROM sessions WHERE username = 'bob' AND id <> ?)`, bob.Session)
		before := headOf(t, r)
		wantRefusal(t, r.SetPassword(t.Context(), bob, "bob", "another"), chat.ErrForbidden)
		wantRefusal(t, r.SetPassword(t.Context(), ann, "nobody", "another"), chat.ErrNotFound)
		wantRefusal(t, r.SetPassword(t.Context(), ann, "bob", "another"), nil)
		if got := len(logAfter(t, r, before)); got != 2*endedAtOnce {
			t.Errorf("%d sessions ended, want %d", got, 2*endedAtOnce)
		}
		_, err := r.User(t.Context(), bob)
		wantRefusal(t, err, chat.ErrSessionEnded)
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob' AND kind = 'token' AND ended_pos IS NULL`); n != 1 {
			t.Errorf("%d tokens go on, want 1", n)
		}
		if a, err := r.Account(t.Context(), "bob"); err != nil || a.PasswordHash != "another" {
			t.Errorf("the account is %+v, %v", a, err)
		}
		if _, err := r.MakeUser(t.Context(), ann, auth.NewUser{Username: "robot", Bot: true}); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, r.SetPassword(t.Context(), ann, "robot", "x"), chat.ErrInvalid)
		wantRefusal(t, changed(t, r, ann, "robot", chat.UserChange{Admin: &yes}), chat.ErrInvalid)
	})
}

func TestTheFirstHumanIsTheAdminAlsoBehindABot(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		if u, err := r.MakeUser(t.Context(), operator, auth.NewUser{Username: "robot", Bot: true}); err != nil || u.Admin || !u.Bot {
			t.Fatalf("%+v, %v", u, err)
		}
		as := signUp(t, r, "ann", "bob")
		for name, admin := range map[string]bool{"ann": true, "bob": false} {
			if u, err := r.User(t.Context(), as[name]); err != nil || u.Admin != admin {
				t.Errorf("%s is %+v, %v", name, u, err)
			}
		}
		_, err := r.MakeUser(t.Context(), as["bob"], auth.NewUser{Username: "eve"})
		wantRefusal(t, err, chat.ErrForbidden)
		if err := r.Permit(context.Background(), as["ann"], chat.MakeUsers); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAccountInVeryManyChatsIsClosedAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		const chats = 1000 // as many as one user may be in
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "cat", "eve")
		makeChat(t, r, as["eve"], "strangers", chat.Private, nil)
		makeChat(t, r, as["ann"], "small", chat.Private, map[string]chat.Role{"cat": chat.RoleOwner})
		fillMany(t, r, chats, `INSERT INTO chats (id, title, visibility, created_at, seq, head)`, `SELECT 'c' || i, '', 'private', 0, 2, 0 FROM n`)
		for _, name := range []string{"ann", "bob"} {
			fillMany(t, r, chats, `INSERT INTO memberships (username, chat, joined_pos, role, joined_at)`,
				`SELECT CAST(? AS TEXT), 'c' || i, 1, 'owner', 0 FROM n`, name)
		}
		before := headOf(t, r)
		wantQuick(t, r, as["eve"],
			func() error { return r.CloseAccount(t.Context(), as["ann"], "cat", false) },
			func() error {
				began := time.Now()
				defer func() { t.Logf("the closing took %s", time.Since(began)) }()
				return r.CloseAccount(t.Context(), as["ann"], "bob", false)
			})
		if n := number(t, r, `SELECT count(*) FROM events WHERE pos > ? AND kind = 'member.left' AND username = 'bob' AND seq = 3`, before); n != chats {
			t.Errorf("%d memberships ended, want %d", n, chats)
		}
	})
}
