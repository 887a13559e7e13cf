package repository

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

// makeToken makes a script token of a user's own.
func makeToken(t testing.TB, r *Repository, actor chat.Actor, n chat.NewToken) chat.Token {
	t.Helper()
	if n.Name == "" {
		n.Name = "a script"
	}
	if n.Scopes == 0 {
		n.Scopes = chat.ScopeRead | chat.ScopePost
	}
	if n.Life == 0 {
		n.Life = time.Hour
	}
	token, err := r.CreateToken(t.Context(), actor, "", auth.NewScriptToken(), n)
	if err != nil {
		t.Fatalf("making a script token of %s: %v", actor.Username, err)
	}
	return token
}

// script is whom a token speaks for.
func script(t testing.TB, r *Repository, id string) chat.Actor {
	t.Helper()
	stored, err := r.ScriptToken(t.Context(), id)
	if err != nil {
		t.Fatalf("reading a script token: %v", err)
	}
	return stored.Actor
}

// makeBot makes a bot, of which there is no password.
func makeBot(t testing.TB, r *Repository, name string) {
	t.Helper()
	if _, err := r.CreateUser(t.Context(), auth.NewUser{Username: name, DisplayName: name, Bot: true}); err != nil {
		t.Fatal(err)
	}
}

var firstPage = chat.ListQuery{Limit: chat.DefaultList}

func TestAScriptTokenIsReadAsItWasMade(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann")
		makeChat(t, r, as["ann"], "lobby", chat.Private, nil)
		secret := auth.NewScriptToken()
		made, err := r.CreateToken(t.Context(), as["ann"], "", secret, chat.NewToken{
			Name: "deploy ☂", Scopes: chat.ScopeRead | chat.ScopeManage, Chats: chat.NewChatSet([]string{"lobby"}), Life: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := chat.Token{
			ID: secret.ID(), Name: "deploy ☂", Scopes: []string{"read", "manage"}, Chats: &[]string{"lobby"},
			CreatedAt: made.CreatedAt, ExpiresAt: chat.NewTime(made.CreatedAt.Time().Add(time.Hour)),
		}
		if !reflect.DeepEqual(made, want) || time.Since(made.CreatedAt.Time()).Abs() > time.Minute {
			t.Errorf("made %+v, want %+v", made, want)
		}
		if page, err := r.Tokens(t.Context(), as["ann"], "", firstPage); err != nil || !reflect.DeepEqual(page.Items, []chat.Token{want}) {
			t.Errorf("listed %+v, %v", page, err)
		}
		got, err := r.ScriptToken(t.Context(), made.ID)
		wantStored := auth.StoredToken{Hash: secret.Hash(), LastUsed: chat.TimeFromMilli(0), Actor: chat.Actor{
			Username: "ann", Session: made.ID, Kind: chat.ScriptToken, Scopes: chat.ScopeRead | chat.ScopeManage, Chats: "lobby",
			Issued: made.CreatedAt, Expires: made.ExpiresAt,
		}}
		if err != nil || !reflect.DeepEqual(got, wantStored) {
			t.Errorf("stored %+v, %v; want %+v", got, err, wantStored)
		}
	})
}

func TestARevokedScriptTokenEndsAtAPosition(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		here, there := s.openTwo(t)
		as := signUp(t, here, "ann", "eve")
		makeChat(t, here, as["ann"], "lobby", chat.Private, nil)
		id := makeToken(t, here, as["ann"], chat.NewToken{}).ID
		actor := script(t, here, id)
		say(t, here, actor, "lobby", "before")

		wantRefusal(t, there.RevokeToken(t.Context(), as["eve"], "", id), chat.ErrNotFound)
		wantRefusal(t, there.RevokeToken(t.Context(), as["ann"], "", as["ann"].Session), chat.ErrNotFound)
		before := headOf(t, here)
		wantRefusal(t, there.RevokeToken(t.Context(), as["ann"], "", id), nil)
		want := logged{Pos: before + 1, Kind: string(chat.KindSessionEnded), Username: "ann", Session: id}
		if rows := logAfter(t, here, before); len(rows) != 1 || rows[0] != want {
			t.Errorf("the log says %+v, want %+v alone", rows, want)
		}
		_, err := here.Post(t.Context(), actor, chat.Post{Chat: "lobby", Text: "behind"})
		wantRefusal(t, err, chat.ErrSessionEnded)
		_, err = here.User(t.Context(), actor)
		wantRefusal(t, err, chat.ErrSessionEnded)
		_, err = here.ScriptToken(t.Context(), id)
		wantRefusal(t, err, chat.ErrNotFound)
		wantRefusal(t, here.RevokeToken(t.Context(), as["ann"], "", id), chat.ErrNotFound)
		wantRefusal(t, here.RevokeToken(t.Context(), operator, "", id), chat.ErrNotFound)
		wantRefusal(t, here.RevokeToken(t.Context(), operator, "", as["ann"].Session), chat.ErrNotFound)
		if page, err := here.Tokens(t.Context(), as["ann"], "", firstPage); err != nil || len(page.Items) != 0 {
			t.Errorf("listed are %+v, %v", page, err)
		}
		say(t, here, as["ann"], "lobby", "a sign-in goes on")
	})
}

func TestTheScriptTokensOfADisabledUserAreOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "lobby", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		id := makeToken(t, r, as["bob"], chat.NewToken{}).ID
		actor := script(t, r, id)
		if err := r.DisableUser(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		_, err := r.Post(t.Context(), actor, chat.Post{Chat: "lobby", Text: "behind"})
		wantRefusal(t, err, chat.ErrSessionEnded)
		_, err = r.ScriptToken(t.Context(), id)
		wantRefusal(t, err, chat.ErrNotFound)
		_, err = r.CreateToken(t.Context(), operator, "bob", auth.NewScriptToken(), chat.NewToken{Name: "late", Scopes: chat.ScopeRead, Life: time.Hour})
		wantRefusal(t, err, chat.ErrNotFound)
	})
}

func TestAScriptTokenNamesOnlyChatsThatItsUserMayKnow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "mine", chat.Private, nil)
		makeChat(t, r, as["ann"], "left", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		makeChat(t, r, as["bob"], "hers", chat.Private, nil)
		makeChat(t, r, as["bob"], "open", chat.Public, nil)
		makeChat(t, r, as["ann"], "gone", chat.Public, nil)
		if err := r.DeleteChat(t.Context(), as["ann"], "gone"); err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveMember(t.Context(), as["bob"], "left", "bob"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			who   string
			chats []string
			want  *chat.Error
		}{
			{"ann", []string{"mine", "open", "left", "mine"}, nil},
			{"ann", []string{"mine", "hers"}, chat.ErrInvalid},
			{"ann", []string{"nowhere"}, chat.ErrInvalid},
			{"ann", []string{"gone"}, chat.ErrInvalid},
			{"bob", []string{"left"}, chat.ErrInvalid},
		} {
			_, err := r.CreateToken(t.Context(), as[c.who], "", auth.NewScriptToken(),
				chat.NewToken{Name: "x", Scopes: chat.ScopeRead, Chats: chat.NewChatSet(c.chats), Life: time.Hour})
			if wantRefusal(t, err, c.want); t.Failed() {
				t.Fatalf("%s with %q", c.who, c.chats)
			}
		}
	})
}

func TestAUserHasABoundedNumberOfScriptTokens(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t, func(o *Options) { o.MaxTokens = 3 })
		as := signUp(t, r, "ann", "bob")
		n := chat.NewToken{Name: "x", Scopes: chat.ScopeRead, Life: time.Hour}
		make := func() error {
			_, err := r.CreateToken(t.Context(), as["ann"], "", auth.NewScriptToken(), n)
			return err
		}
		if refused := count(t, together(make, make, make, make, make), chat.ErrTooManyTokens); refused != 2 {
			t.Fatalf("of 5 tokens at once, %d were refused", refused)
		}
		makeToken(t, r, as["bob"], n)
		logIn(t, r, "ann")
		page, err := r.Tokens(t.Context(), as["ann"], "", firstPage)
		if err != nil || len(page.Items) != 3 {
			t.Fatalf("%+v, %v", page, err)
		}
		// One that has ended makes room, as does one that is revoked.
		ended := page.Items[1].ID
		fill(t, r, `UPDATE sessions SET access_expires_at = ? WHERE id = ?`, time.Now().Add(-tokenOverKept-time.Second).UnixMilli(), ended)
		wantRefusal(t, make(), nil)
		wantRefusal(t, make(), chat.ErrTooManyTokens)
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE id = ?`, ended); n != 0 {
			t.Error("the token that had ended is still stored")
		}
		if err := r.RevokeToken(t.Context(), as["ann"], "", page.Items[0].ID); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, make(), nil)
	})
}

func TestOnlyAdminsHandleTheTokensOfBotsAndOfBotsAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob") // ann is the first, and so an admin
		makeBot(t, r, "beep")
		makeBot(t, r, "boop")
		n := chat.NewToken{Name: "x", Scopes: chat.ScopeRead, Life: time.Hour}
		beeps, err := r.CreateToken(t.Context(), as["ann"], "beep", auth.NewScriptToken(), n)
		if err != nil {
			t.Fatal(err)
		}
		if actor := script(t, r, beeps.ID); actor.Username != "beep" {
			t.Errorf("the bot's token speaks for %s", actor.Username)
		}
		bobs := makeToken(t, r, as["bob"], n)
		botsOwn := script(t, r, beeps.ID)
		botsOwn.Scopes = chat.ScopeRead | chat.ScopePost | chat.ScopeManage
		for _, c := range []struct {
			who     string
			bot, id string
			want    *chat.Error
		}{
			{"bob", "beep", beeps.ID, chat.ErrForbidden},
			{"bob", "bob", bobs.ID, chat.ErrForbidden},
			{"beep", "beep", beeps.ID, chat.ErrInsufficientScope},
			{"beep", "", beeps.ID, chat.ErrInsufficientScope},
			{"ann", "bob", bobs.ID, chat.ErrForbidden},
			{"ann", "ann", bobs.ID, chat.ErrForbidden},
			{"ann", "nobody", beeps.ID, chat.ErrNotFound},
		} {
			actor := as[c.who]
			if c.who == "beep" {
				actor = botsOwn
			}
			_, create := r.CreateToken(t.Context(), actor, c.bot, auth.NewScriptToken(), n)
			_, list := r.Tokens(t.Context(), actor, c.bot, firstPage)
			for _, err := range []error{create, list, r.RevokeToken(t.Context(), actor, c.bot, c.id)} {
				if wantRefusal(t, err, c.want); t.Failed() {
					t.Fatalf("%s about the tokens of %q", c.who, c.bot)
				}
			}
		}
		wantRefusal(t, r.RevokeToken(t.Context(), as["ann"], "boop", beeps.ID), chat.ErrNotFound)
		wantRefusal(t, r.RevokeToken(t.Context(), as["ann"], "", beeps.ID), chat.ErrNotFound)
		wantRefusal(t, r.RevokeToken(t.Context(), as["ann"], "beep", beeps.ID), nil)
	})
}

func TestScriptTokensAreListedInPages(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		var want []string
		for i := range 5 {
			want = append(want, makeToken(t, r, as["ann"], chat.NewToken{Name: fmt.Sprint("script ", i)}).ID)
		}
		makeToken(t, r, as["bob"], chat.NewToken{})
		slices.Sort(want)
		var got []string
		for q := (chat.ListQuery{Limit: 2}); ; q.After = got[len(got)-1] {
			page, err := r.Tokens(t.Context(), as["ann"], "", q)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range page.Items {
				got = append(got, token.ID)
			}
			if !page.More {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("listed %q, want %q", got, want)
		}
		page, err := r.Tokens(t.Context(), operator, "ann", firstPage)
		if err != nil || len(page.Items) != 5 {
			t.Errorf("%+v, %v", page, err)
		}
		_, err = r.Tokens(t.Context(), operator, "nobody", firstPage)
		wantRefusal(t, err, chat.ErrNotFound)
	})
}

func TestTheLastUseOfAScriptTokenIsStoredBesideTheLog(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actor := signUp(t, r, "ann")["ann"]
		used, unused := makeToken(t, r, actor, chat.NewToken{}), makeToken(t, r, actor, chat.NewToken{})
		lastUse := func(id string) int64 { return number(t, r, `SELECT refreshed_at FROM sessions WHERE id = ?`, id) }
		before, session := headOf(t, r), lastUse(actor.Session)

		at := chat.NewTime(time.Now())
		r.TokenUsed(used.ID, at)
		eventually(t, "stored", func() bool { return lastUse(used.ID) == at.UnixMilli() })
		// Another instance tells of an earlier use, and none is of a sign-in.
		r.TokenUsed(used.ID, chat.TimeFromMilli(at.UnixMilli()-1000))
		r.TokenUsed(actor.Session, chat.NewTime(time.Now().Add(time.Hour)))
		r.TokenUsed(unused.ID, at)
		eventually(t, "stored", func() bool { return lastUse(unused.ID) == at.UnixMilli() })
		if got := lastUse(used.ID); got != at.UnixMilli() {
			t.Errorf("the last use went back to %d from %d", got, at.UnixMilli())
		}
		if got := lastUse(actor.Session); got != session {
			t.Error("a sign-in was changed")
		}
		if headOf(t, r) != before {
			t.Error("a use is no event, but the log has one")
		}
		page, err := r.Tokens(t.Context(), actor, "", firstPage)
		if err != nil || page.Items[0].LastUsedAt == nil || *page.Items[0].LastUsedAt != at {
			t.Errorf("%+v, %v", page, err)
		}
		if stored, err := r.ScriptToken(t.Context(), used.ID); err != nil || stored.LastUsed != at {
			t.Errorf("%+v, %v", stored, err)
		}
	})
}

func TestNotesOfScriptTokensUsedAreBounded(t *testing.T) {
	u := &tokenUses{waiting: make(map[string]int64), backgroundJob: newBackgroundJob("", nil, nil)}
	for i := range 2 * maxTokenUses {
		u.note(tokenUse{fmt.Sprint(i), 1})
	}
	u.note(tokenUse{"0", 2})
	if len(u.waiting) != maxTokenUses || u.waiting["0"] != 2 {
		t.Errorf("%d notes wait, and the first is of %d", len(u.waiting), u.waiting["0"])
	}
	if some := u.take(); len(some) != tokenUsesAtOnce || len(u.waiting) != maxTokenUses-tokenUsesAtOnce {
		t.Errorf("%d notes are stored at once", len(some))
	}
}

// The uses of script tokens are stored at the same cost however many tokens there are.
func TestUsesOfScriptTokensAreStoredByIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "ann", "bob")
		for _, kind := range []string{"token", "sign-in"} {
			fillMany(t, r, 5_000, `INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation,
				refreshed_at, refresh_expires_at, kind)`,
				`SELECT s.username || CAST(? AS TEXT) || i, s.username, 0, s.access_expires_at, s.refresh_hash, 0, 0, s.refresh_expires_at, CAST(? AS TEXT)
				FROM n, sessions s WHERE s.refresh_generation = 0 AND s.created_at > 0`, kind, kind)
		}
		if r.dialect == postgresDialect { // SQLite is never told to
			fill(t, r, `ANALYZE`)
		}
		plans := &explaining{queryer: r.pool, d: r.dialect}
		uses := r.dialect.rebind(fmt.Sprintf(storeTokenUses, r.dialect.each))
		if err := plans.explain(t.Context(), uses, `[{"id":"anntoken1","at":1}]`); err != nil {
			t.Fatal(err)
		}
		wantPlan(t, plans, primaryKey(r, "sessions"))
	})
}
