package repository

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// waitClosed waits until the cleaner has nothing left to close, also where it had to look
// again.
func waitClosed(t testing.TB, r *Repository) {
	t.Helper()
	for end := time.Now().Add(backgroundRetry + 2*time.Minute); number(t, r, `SELECT count(*) FROM endings`) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the cleaner is not done")
		}
	}
}

func textsLeft(t testing.TB, r *Repository) int64 {
	t.Helper()
	return number(t, r, `SELECT count(*) FROM messages WHERE chat = 'den' AND text <> ''`)
}

func TestABigChatIsDeletedAtOnceAndErasedShortlyBehind(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		makeChat(t, r, ann, "other", chat.Private, nil)
		fillChat(t, r, "den", "ann", 4*endingSlice+7)
		fillChat(t, r, "other", "ann", 10)
		if err := r.DeleteChat(t.Context(), ann, "den"); err != nil {
			t.Fatal(err)
		}
		_, err := r.Chat(t.Context(), ann, "den")
		wantRefusal(t, err, chat.ErrNotFound)
		waitClosed(t, r)
		if n := textsLeft(t, r); n != 0 {
			t.Errorf("%d texts are left", n)
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE chat = 'other' AND text <> ''`); n != 10 {
			t.Errorf("another chat has %d of its 10 texts", n)
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE chat = 'den'`); n != 4*endingSlice+7 {
			t.Errorf("the chat has %d of its rows", n)
		}
	})
}

func TestErasingGoesOnAfterARestart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		fillChat(t, r, "den", "ann", 4*endingSlice+7)
		r.cleaner.close() // as if the process had ended
		if err := r.DeleteChat(t.Context(), ann, "den"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.finish(t.Context(), ending{endedChat, "den"}); err != nil {
			t.Fatal(err)
		}
		if n := textsLeft(t, r); n != 3*endingSlice+7 {
			t.Fatalf("%d texts are left by one slice, want %d", n, 3*endingSlice+7)
		}
		waitClosed(t, s.open(t))
		if n := textsLeft(t, r); n != 0 {
			t.Errorf("%d texts are left", n)
		}
	})
}

// beforeTheCleaner opens a store whose cleaner has ended, so that what depends on it shows.
func beforeTheCleaner(t *testing.T, s *store) *Repository {
	t.Helper()
	r := s.open(t)
	r.cleaner.close()
	return r
}

func TestADeletedChatIsGoneBeforeItsRowsAreClosed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": chat.RoleOwner})
		makeChat(t, r, as["ann"], "other", chat.Public, map[string]chat.Role{"bob": ""})
		posted := chat.Post{Chat: "den", Text: "once", ClientID: "k"}
		if _, err := r.Post(t.Context(), as["bob"], posted); err != nil {
			t.Fatal(err)
		}
		opened := headOf(t, r)
		if err := r.DeleteChat(t.Context(), as["ann"], "den"); err != nil {
			t.Fatal(err)
		}
		deleted := headOf(t, r)
		if n := number(t, r, `SELECT count(*) FROM memberships WHERE chat = 'den' AND left_pos IS NULL`); n != 2 {
			t.Fatalf("%d memberships are open: the test shows nothing", n)
		}
		_, err := r.Post(t.Context(), as["bob"], chat.Post{Chat: "den", Text: "again"})
		wantRefusal(t, err, chat.ErrNotFound)
		_, err = r.Post(t.Context(), as["bob"], posted)
		wantRefusal(t, err, chat.ErrNotFound)
		_, err = openOne(t, r, as["bob"], "den")
		wantRefusal(t, err, chat.ErrNotFound)
		if open, err := openOne(t, r, as["bob"], ""); err != nil || fmt.Sprint(open.Chats) != "[other]" {
			t.Errorf("a stream over all chats follows %q, %v", open.Chats, err)
		}
		wantRefusal(t, r.RemoveMember(t.Context(), as["bob"], "den", "bob"), chat.ErrNotFound)
		_, err = r.PutMember(t.Context(), as["bob"], "den", "bob", "")
		wantRefusal(t, err, chat.ErrNotFound)
		say(t, r, as["ann"], "other", "hello")

		head := headOf(t, r)
		part, err := r.MemberAfter(t.Context(), "bob", opened, opened, head, 10)
		wantTexts(t, "a stream that was open", part.Events, err, "chat.deleted ", "hello")
		part, err = r.MemberAfter(t.Context(), "bob", deleted, 0, head, 10)
		wantTexts(t, "a stream that comes back", part.Events, err, "member.joined bob", "chat.deleted ", "hello")
		if part.Events[0].Chat != "other" {
			t.Errorf("what is shown of %s is more than its end", part.Events[0].Chat)
		}
	})
}

func TestTheSessionsOfADisabledUserAreOverBeforeTheirRowsAreClosed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Public, map[string]chat.Role{"bob": chat.RoleOwner})
		say(t, r, as["ann"], "den", "hello")
		if err := r.DisableUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		id := as["ann"].Session
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE id = ? AND ended_pos IS NULL`, id); n != 1 {
			t.Fatal("the session is closed: the test shows nothing")
		}
		before := headOf(t, r)
		_, _, err := r.Session(t.Context(), id)
		wantRefusal(t, err, chat.ErrSessionEnded)
		if did, err := r.RenewSession(t.Context(), id, 0, renewed(1)); err != nil || did {
			t.Errorf("renewing: %t, %v", did, err)
		}
		if err := r.EndSession(t.Context(), id); err != nil || headOf(t, r) != before {
			t.Errorf("ending it again: %v, and the head went from %d to %d", err, before, headOf(t, r))
		}
		_, err = r.Post(t.Context(), as["ann"], chat.Post{Chat: "den", Text: "again"})
		wantRefusal(t, err, chat.ErrSessionEnded)
		_, err = openOne(t, r, as["ann"], "")
		wantRefusal(t, err, chat.ErrSessionEnded)
		if until, err := r.AccessExpiries(t.Context(), []string{id}); err != nil || len(until) != 0 {
			t.Errorf("access until %v, %v", until, err)
		}
		// A disabled owner is nobody to leave a chat to.
		wantRefusal(t, r.RemoveMember(t.Context(), as["bob"], "den", "bob"), chat.ErrLastOwner)
	})
}

// fillMany puts rows into a table; i is the number of each. A statement has its time-out.
func fillMany(t testing.TB, r *Repository, n int, insert, values string, args ...any) {
	t.Helper()
	const slice = 5_000
	for from := 0; from < n; from += slice {
		fill(t, r, insert+` WITH RECURSIVE n (i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?) `+values,
			append([]any{from + 1, min(from+slice, n)}, args...)...)
	}
}

func fillMembers(t testing.TB, r *Repository, chatID string, n int) {
	t.Helper()
	fillMany(t, r, n, `INSERT INTO users (username, display_name, password_hash, created_at)`, `SELECT 'm' || i, 'm', 'x', 0 FROM n`)
	fillMany(t, r, n, `INSERT INTO memberships (username, chat, joined_pos, role, joined_at)`,
		`SELECT 'm' || i, CAST(? AS TEXT), 1, 'member', 0 FROM n`, chatID)
}

func fillRenames(t testing.TB, r *Repository, chatID string, n int) {
	t.Helper()
	fillMany(t, r, n, `INSERT INTO events (pos, kind, chat, seq, at, title, visibility)`,
		`SELECT h.pos + i, 'chat.updated', CAST(? AS TEXT), 1 + i, 0, 'title ' || i, 'private' FROM n, head h`, chatID)
	fill(t, r, `UPDATE chats SET seq = seq + ?, head = (SELECT pos FROM head) + ? WHERE id = ?`, n, n, chatID)
	fill(t, r, `UPDATE head SET pos = pos + ?`, n)
}

// fillSessions gives a user sessions like the one that there is.
func fillSessions(t testing.TB, r *Repository, like chat.Actor, n int) {
	t.Helper()
	fillMany(t, r, n, `INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)`,
		`SELECT 's' || i, s.username, 0, s.access_expires_at, s.refresh_hash, 0, 0, s.refresh_expires_at FROM n, sessions s WHERE s.id = ?`, like.Session)
}

// wantQuick wants a right to end within a few times what it takes where nothing depends on
// it, and another user's posts to go on while the cleaner closes the rest.
func wantQuick(t *testing.T, r *Repository, stranger chat.Actor, small, large func() error) {
	t.Helper()
	timed := func(end func() error) time.Duration {
		began := time.Now()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	little := timed(small)
	waitClosed(t, r) // by now SQLite has also moved what the test filled in from its log
	if much := timed(large); much > 10*little+500*time.Millisecond {
		t.Errorf("the end took %s, and %s where little depends on it", much, little)
	}
	var slowest time.Duration
	posts := 0
	for left := int64(1); left > 0; left = number(t, r, `SELECT count(*) FROM endings`) {
		slowest = max(slowest, timed(func() error {
			_, err := r.Post(t.Context(), stranger, chat.Post{Chat: "strangers", Text: "hello"})
			return err
		}))
		posts++
	}
	t.Logf("of %d posts beside the cleaner the slowest took %s", posts, slowest)
	waitClosed(t, r)
}

func TestAChatThatWasRenamedVeryOftenIsDeletedAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "eve")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		makeChat(t, r, as["ann"], "small", chat.Private, nil)
		makeChat(t, r, as["eve"], "strangers", chat.Private, nil)
		fillRenames(t, r, "den", 2*many)
		wantQuick(t, r, as["eve"],
			func() error { return r.DeleteChat(t.Context(), as["ann"], "small") },
			func() error { return r.DeleteChat(t.Context(), as["ann"], "den") })
		if n := number(t, r, `SELECT count(*) FROM events WHERE chat = 'den' AND title <> ''`); n != 0 {
			t.Errorf("%d titles are left", n)
		}
	})
}

func TestAChatWithVeryManyMembersIsDeletedAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "eve")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		makeChat(t, r, as["ann"], "small", chat.Private, nil)
		makeChat(t, r, as["eve"], "strangers", chat.Private, nil)
		fillMembers(t, r, "den", many)
		wantQuick(t, r, as["eve"],
			func() error { return r.DeleteChat(t.Context(), as["ann"], "small") },
			func() error { return r.DeleteChat(t.Context(), as["ann"], "den") })
		if n := number(t, r, `SELECT count(*) FROM memberships m JOIN chats c ON c.id = m.chat
			WHERE c.id = 'den' AND m.left_pos = c.deleted_pos`); n != many+1 {
			t.Errorf("%d memberships ended with the chat, want %d", n, many+1)
		}
	})
}

func TestAUserWithVeryManySessionsIsDisabledAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob", "eve")
		makeChat(t, r, as["eve"], "strangers", chat.Private, nil)
		fillSessions(t, r, as["ann"], 2*many)
		wantQuick(t, r, as["eve"],
			func() error { return r.DisableUser(t.Context(), "bob") },
			func() error { return r.DisableUser(t.Context(), "ann") })
		if n := number(t, r, `SELECT count(*) FROM sessions s JOIN users u ON u.username = s.username
			WHERE u.username = 'ann' AND s.ended_pos = u.disabled_pos`); n != 2*many+1 {
			t.Errorf("%d sessions ended with the user, want %d", n, 2*many+1)
		}
	})
}

func TestSessionsThatAreOverAreDeletedInTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		expired := func(username string, ago time.Duration) {
			n := newSession(username)
			n.RefreshExpires = time.Now().Add(-ago)
			if err := r.CreateSession(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			expired("ann", sessionKept+time.Hour)
			expired("bob", sessionKept-time.Hour)
		}
		if err := r.EndSession(t.Context(), as["bob"].Session); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			at        time.Duration
			ann, bobs int64
		}{
			{0, 1, 3}, {sessionKept + time.Hour, 1, 0},
		} {
			if err := r.dropSessions(t.Context(), time.Now().Add(step.at-sessionKept)); err != nil {
				t.Fatal(err)
			}
			for username, want := range map[string]int64{"ann": step.ann, "bob": step.bobs} {
				if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = ?`, username); n != want {
					t.Errorf("%s later %s has %d sessions, want %d", step.at, username, n, want)
				}
			}
		}
		_, err := r.User(t.Context(), as["ann"])
		wantRefusal(t, err, nil)
	})
}

// Whatever the cleaner runs is found by an index, and so is what is asked behind the lock of
// a chat with very many members.
func TestWhatEndsIsFoundByIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, map[string]chat.Role{"bob": chat.RoleOwner})
		makeChat(t, r, as["ann"], "other", chat.Private, nil)
		fillMembers(t, r, "den", 3*endingSlice)
		fillRenames(t, r, "den", 3*endingSlice)
		fillChat(t, r, "other", "ann", 10*endingSlice)
		fillSessions(t, r, as["ann"], 3*endingSlice)
		fill(t, r, `INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at, ended_pos)
			SELECT 'b' || s.id, 'bob', s.created_at, s.access_expires_at, s.refresh_hash,
			s.refresh_generation, s.refreshed_at, s.refresh_expires_at, s.ended_pos FROM sessions s`)
		fill(t, r, `ANALYZE`)
		plans := &explaining{queryer: r.pool, d: r.dialect}
		h := handle{plans, r.dialect}
		_, err := h.exists(t.Context(), anotherOwner, "den", "ann")
		if err != nil {
			t.Fatal(err)
		}
		wantPlan(t, plans, "memberships_owners")
		if _, err := h.endings(t.Context(), ending{endedChat, "den"}); err != nil {
			t.Fatal(err)
		}
		wantNothingWalked(t, plans)
		for _, c := range []struct {
			query, index string
			args         []any
		}{
			{closeMemberships, "memberships_present", []any{"den", "den", "den", endingSlice}},
			{eraseTitles, "events_titles", []any{"den", endingSlice}},
			{closeSessions, "sessions_of", []any{0, "ann", "ann", endingSlice}},
			{deleteSessions, "sessions_expiry", []any{0, endingSlice}},
		} {
			if err := plans.explain(t.Context(), r.dialect.rebind(c.query), c.args...); err != nil {
				t.Fatal(err)
			}
			wantPlan(t, plans, c.index)
		}
	})
}

// wantPlan wants the newest plan to go by an index.
func wantPlan(t *testing.T, plans *explaining, index string) {
	t.Helper()
	if plan := plans.plans[len(plans.plans)-1]; !strings.Contains(plan, index) {
		t.Errorf("the plan does not go by %s:\n%s", index, plan)
	}
}

// primaryKey is the index of a table's primary key.
func primaryKey(r *Repository, table string) string {
	return map[string]string{"sqlite": "sqlite_autoindex_" + table + "_1", "postgres": table + "_pkey"}[r.dialect.name]
}

// wantNothingWalked wants the newest plan to find rows in the order in which it gives them, and
// to look up what belongs to each. One that sorts reads all rows that there are. One that merges
// or hashes reads an index of the other table from its beginning.
func wantNothingWalked(t *testing.T, plans *explaining) {
	t.Helper()
	plan := plans.plans[len(plans.plans)-1]
	for _, walks := range []string{"TEMP B-TREE", "Sort", "Merge", "Hash", "Materialize"} {
		if strings.Contains(plan, walks) {
			t.Errorf("%q is in a plan:\n%s", walks, plan)
		}
	}
}
