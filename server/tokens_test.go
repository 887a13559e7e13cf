package server_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/auth"
	"parley/repository"
)

// scriptToken is a script token as the service answers it.
type scriptToken struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	Chats      []string `json:"chats"`
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt *string  `json:"last_used_at"`
	Token      string   `json:"token"`
}

// token makes a script token at a path and returns it with the header that sends it.
func (h *house) token(path, body string, who []string) (scriptToken, []string) {
	h.t.Helper()
	var made scriptToken
	h.do("POST", path, body, with(who, "Content-Type", asJSON)...).want(201).into(&made)
	h.secrets = append(h.secrets, made.Token)
	return made, bearer(made.Token)
}

// bot makes a bot, past the service.
func bot(t *testing.T, data, name string) {
	t.Helper()
	repo, err := repository.Open(t.Context(), repository.Options{URL: "sqlite:" + filepath.Join(data, "parley.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.CreateUser(t.Context(), auth.NewUser{Username: name, DisplayName: name, Bot: true}); err != nil {
		t.Fatal(err)
	}
}

func TestAScriptTokenIsShownOnceAndListedWithoutIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("lobby", ann)
	made, script := h.token("/me/tokens", `{"name":"deploy","scopes":["post","read","read"],"chats":["lobby"],"expires_in":"720h"}`, ann)
	if !regexp.MustCompile(`^parley_[A-Z2-7]{26}[0-9a-zA-Z]{49}$`).MatchString(made.Token) || !strings.Contains(made.Token, made.ID) {
		t.Errorf("the token has another form than documented: %s", made.Token)
	}
	if made.Name != "deploy" || fmt.Sprint(made.Scopes, made.Chats) != "[read post] [lobby]" || lifeOf(t, made) != 720*time.Hour {
		t.Errorf("made %+v", made)
	}
	plain, _ := h.token("/me/tokens", `{"name":"all","scopes":["manage"]}`, ann)
	if plain.Chats != nil || lifeOf(t, plain) != 365*24*time.Hour {
		t.Errorf("made %+v", plain)
	}
	h.token("/me/tokens", `{"name":"bob's","scopes":["read"],"chats":null,"expires_in":null}`, bob)

	h.do("GET", "/chats/lobby", "", script...).want(200)
	list := func() (tokens map[string]scriptToken, body string) {
		t.Helper()
		a := h.do("GET", "/me/tokens", "", ann...).want(200)
		var page struct{ Tokens []scriptToken }
		a.into(&page)
		tokens = make(map[string]scriptToken)
		for _, token := range page.Tokens {
			tokens[token.ID] = token
		}
		return tokens, a.body
	}
	h.eventually("the use is listed", func() bool { tokens, _ := list(); return tokens[made.ID].LastUsedAt != nil })
	tokens, body := list()
	if len(tokens) != 2 || tokens[plain.ID].LastUsedAt != nil || tokens[made.ID].ExpiresAt != made.ExpiresAt || tokens[made.ID].Name != "deploy" {
		t.Errorf("listed %s", body)
	}
	if strings.Contains(body, "parley_") || strings.Contains(body, "token\"") || strings.Contains(body, made.Token[33:]) {
		t.Errorf("the list shows a secret: %s", body)
	}

	first := h.do("GET", "/me/tokens?limit=1", "", ann...).want(200)
	next, ok := strings.CutPrefix(first.header.Get("Link"), "<")
	if next, _, _ = strings.Cut(next, ">"); !ok {
		t.Fatalf("the first page has no next one: %v", first.header)
	}
	if second := h.do("GET", next, "", ann...).want(200); second.header.Get("Link") != "" || second.body == first.body {
		t.Errorf("the second page: %s", second.body)
	}
	h.do("GET", "/me/tokens?after=x", "", ann...).refused(400, "invalid_request", "after")

	// Only the one whose it is revokes it, and only by its id.
	h.do("DELETE", "/me/tokens/"+made.ID, "", bob...).refused(404, "not_found")
	h.do("DELETE", "/me/tokens/"+made.Token, "", ann...).refused(404, "not_found")
	h.do("DELETE", "/me/tokens/x", "", ann...).refused(404, "not_found")
	h.do("DELETE", "/me/tokens/"+made.ID, "", ann...).want(204)
	h.do("GET", "/me", "", script...).refused(401, "session_ended")
	h.do("DELETE", "/me/tokens/"+made.ID, "", ann...).refused(404, "not_found")
}

func lifeOf(t *testing.T, token scriptToken) time.Duration {
	t.Helper()
	from, err := time.Parse(time.RFC3339, token.CreatedAt)
	to, err2 := time.Parse(time.RFC3339, token.ExpiresAt)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return to.Sub(from)
}

func TestAScriptTokenThatCannotBeMadeIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("hidden", bob)
	good := map[string]any{"name": "x", "scopes": []string{"read"}}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprint("chat-", i))
	}
	for _, c := range []struct {
		field string
		value any
	}{
		{"name", ""}, {"name", strings.Repeat("ü", 65)}, {"name", "a\x00b"}, {"name", 7},
		{"scopes", nil}, {"scopes", []string{}}, {"scopes", []string{"read", "admin"}}, {"scopes", []string{"READ"}}, {"scopes", "read"},
		{"chats", []string{}}, {"chats", []string{"hidden"}}, {"chats", []string{"nowhere"}}, {"chats", []string{"No Chat"}},
		{"chats", many}, {"chats", "lobby"},
		{"expires_in", "-1h"}, {"expires_in", "0s"}, {"expires_in", "0"}, {"expires_in", "1ms"}, {"expires_in", "tomorrow"}, {"expires_in", ""},
		{"expires_in", "8760h0m1s"}, {"expires_in", "99999999h"}, {"expires_in", 3600},
		{"author", "bob"}, {"username", "bob"},
	} {
		body := map[string]any{"name": good["name"], "scopes": good["scopes"], c.field: c.value}
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		h.do("POST", "/me/tokens", string(data), with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request", c.field)
	}
	h.do("POST", "/me/tokens", "name=x&scopes=read", with(ann, "Content-Type", asForm)...).refused(400, "invalid_request", "scopes")
	h.do("POST", "/me/tokens", `{}`, with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request", "name", "scopes")
	h.do("POST", "/me/tokens", `{"name":"x","scopes":["read"]}`, "Content-Type", asJSON).refused(401, "unauthenticated")
	h.token("/me/tokens", `{"name":"`+strings.Repeat("ü", 64)+`","scopes":["read","post","manage"],"expires_in":"8760h"}`, ann)
	for range 99 {
		h.token("/me/tokens", `{"name":"x","scopes":["read"]}`, ann)
	}
	h.do("POST", "/me/tokens", `{"name":"x","scopes":["read"]}`, with(ann, "Content-Type", asJSON)...).refused(409, "too_many_tokens")
	h.token("/me/tokens", `{"name":"x","scopes":["read"]}`, bob)
}

func TestAScriptTokenReachesWhatItsScopesCover(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann") // the first user, and so an admin
	h.user("bob")
	h.chat("lobby", ann)
	h.say("lobby", "the-first-word", ann)
	const everywhere, nowhere = "read post manage", ""
	scripts := make(map[string][]string)
	for _, scope := range strings.Fields(everywhere) {
		_, scripts[scope] = h.token("/me/tokens", `{"name":"x","scopes":["`+scope+`"]}`, ann)
	}
	made, all := h.token("/me/tokens", `{"name":"x","scopes":["read","post","manage"]}`, ann)
	for _, c := range []struct {
		scope, method, path, body string
	}{
		{"read", "GET", "/me", ""},
		{"read", "GET", "/chats", ""},
		{"read", "GET", "/chats/lobby", ""},
		{"read", "GET", "/chats/lobby/members", ""},
		{"read", "GET", "/chats/lobby/messages", ""},
		{"read", "GET", "/messages/2", ""},
		{"read", "GET", "/chats/lobby/stream?timeout=1ms", ""},
		{"read", "GET", "/stream?timeout=1ms", ""},
		{"post", "POST", "/messages", `{"chat":"lobby","text":"from-a-script"}`},
		{"post", "POST", "/chats/lobby/messages", `{"text":"from-a-script"}`},
		{"manage", "POST", "/chats", `{}`},
		{"manage", "PATCH", "/chats/lobby", `{"title":"Lobby"}`},
		{"manage", "PUT", "/chats/lobby/members/bob", `{"role":"guest"}`},
		{"manage", "DELETE", "/chats/lobby/members/bob", ""},
		{nowhere, "GET", "/me/tokens", ""},
		{nowhere, "POST", "/me/tokens", `{"name":"x","scopes":["read"]}`},
		{nowhere, "DELETE", "/me/tokens/" + made.ID, ""},
		{nowhere, "GET", "/users/bob/tokens", ""},
		{nowhere, "POST", "/users/bob/tokens", `{"name":"x","scopes":["read"]}`},
		{nowhere, "DELETE", "/users/bob/tokens/" + made.ID, ""},
		{nowhere, "POST", "/logout", ""},
	} {
		for scope, script := range scripts {
			a := h.do(c.method, c.path, c.body, with(script, "Content-Type", asJSON)...)
			if scope == c.scope {
				if a.status >= 300 {
					t.Errorf("%s with the scope %s: %d %s", a.asked, scope, a.status, a.body)
				}
				continue
			}
			a.refused(403, "insufficient_scope")
			want := `Bearer realm="parley", error="insufficient_scope", scope="` + c.scope + `"`
			if c.scope == nowhere {
				want = `Bearer realm="parley", error="insufficient_scope"`
			}
			if got := a.header.Get("WWW-Authenticate"); got != want {
				t.Errorf("%s with the scope %s: WWW-Authenticate %s, want %s", a.asked, scope, got, want)
			}
		}
		if c.scope == nowhere {
			h.do(c.method, c.path, c.body, with(all, "Content-Type", asJSON)...).refused(403, "insufficient_scope")
		}
	}
	h.do("GET", "/me", "", all...).want(200)
	h.do("DELETE", "/chats/lobby", "", scripts["manage"]...).want(204)
}

func TestAScriptTokenOfSomeChatsReachesThoseAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	for _, chatID := range []string{"one", "two", "three"} {
		h.chat(chatID, bob)
	}
	h.do("PATCH", "/chats/two", `{"visibility":"public"}`, with(bob, "Content-Type", asJSON)...).want(200)
	join := func(chatID string) {
		h.do("PUT", "/chats/"+chatID+"/members/ann", `{}`, with(bob, "Content-Type", asJSON)...).want(200)
	}
	join("one")
	said := h.say("one", "said-in-one", bob)
	var first struct{ ID int64 }
	said.into(&first)
	var hidden struct{ ID int64 }
	h.say("three", "said-in-three", bob).into(&hidden)
	join("three")
	_, script := h.token("/me/tokens", `{"name":"x","scopes":["read","post","manage"],"chats":["one","two"]}`, ann)

	list := h.do("GET", "/chats", "", script...).want(200)
	if !strings.Contains(list.body, `"id":"one"`) || strings.Contains(list.body, "three") || strings.Contains(list.body, `"id":"two"`) {
		t.Errorf("its chats are %s", list.body)
	}
	inJSON := with(script, "Content-Type", asJSON)
	h.do("GET", fmt.Sprint("/messages/", first.ID), "", script...).want(200)
	h.do("GET", fmt.Sprint("/messages/", hidden.ID), "", script...).refused(404, "not_found")
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/chats/three", ""},
		{"GET", "/chats/nowhere", ""},
		{"GET", "/chats/three/messages", ""},
		{"GET", "/chats/three/stream", ""},
		{"POST", "/chats/three/messages", `{"text":"in the wrong chat"}`},
		{"POST", "/messages", `{"chat":"three","text":"in the wrong chat"}`},
		{"PATCH", "/chats/three", `{"title":"x"}`},
		{"DELETE", "/chats/three/members/ann", ""},
		{"POST", "/chats", `{}`},
	} {
		a := h.do(c.method, c.path, c.body, inJSON...).refused(403, "insufficient_scope")
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="parley", error="insufficient_scope"` {
			t.Errorf("%s: WWW-Authenticate %s", a.asked, got)
		}
	}

	// What the user joins later is shown where it is one of the token's chats.
	replay := h.follow("/stream?after=earliest", script...)
	live := h.follow("/stream", script...)
	live.until("event: ready")
	h.chat("four", bob)
	join("four")
	h.say("four", "said-in-four", bob)
	h.say("three", "said-in-three-later", bob)
	h.do("PUT", "/chats/two/members/ann", "", script...).want(200)
	h.say("two", "said-in-two", bob)
	for name, s := range map[string]*stream{"replay": replay, "live": live} {
		var shown []string
		for block := ""; !strings.Contains(block, "said-in-two"); {
			ok := false
			if block, ok = s.block(); !ok {
				t.Fatalf("%s: the stream ended", name)
			}
			shown = append(shown, block)
		}
		all := strings.Join(shown, "\n")
		if strings.Contains(all, "three") || strings.Contains(all, "four") {
			t.Errorf("%s: it is shown other chats: %s", name, all)
		}
		if strings.Contains(all, "said-in-one") != (name == "replay") || !strings.Contains(all, "event: chat.joined") {
			t.Errorf("%s: it is not shown its own chats: %s", name, all)
		}
	}
	h.do("POST", "/chats/two/messages", `{"text":"from-the-script"}`, inJSON...).want(201)
}

func TestRevokingAScriptTokenEndsItsStreamsAndPosts(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	made, script := h.token("/me/tokens", `{"name":"x","scopes":["read","post"]}`, ann)
	_, other := h.token("/me/tokens", `{"name":"y","scopes":["read"]}`, ann)
	one, all := h.follow("/chats/lobby/stream", script...), h.follow("/stream", script...)
	goesOn, own := h.follow("/stream", other...), h.follow("/stream", ann...)
	h.say("lobby", "before-it-ends", script)
	for _, s := range []*stream{one, all, goesOn, own} {
		s.until("before-it-ends")
	}
	h.do("DELETE", "/me/tokens/"+made.ID, "", ann...).want(204)
	h.do("POST", "/chats/lobby/messages", "too late", with(script, "Content-Type", "text/plain")...).refused(401, "session_ended")
	h.do("GET", "/stream", "", script...).refused(401, "session_ended")
	for _, s := range []*stream{one, all} {
		for ended := false; !ended; {
			block, ok := s.block()
			if strings.Contains(block, "event: auth") {
				t.Errorf("a year before its end a stream was told of it")
			}
			ended = strings.Contains(block, `"reason":"revoked"`)
			if !ok && !ended {
				t.Fatal("the stream ended without a reason")
			}
		}
	}
	h.say("lobby", "behind-the-end", ann)
	goesOn.until("behind-the-end")
	own.until("behind-the-end")
}

func TestAScriptTokenAndItsStreamsEndWithItsTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	_, script := h.token("/me/tokens", `{"name":"x","scopes":["read"],"expires_in":"1s"}`, ann)
	s := h.follow("/stream", script...)
	s.until("event: auth")
	s.until(`"reason":"expired"`)
	h.do("GET", "/me", "", script...).refused(401, "invalid_token")
	h.do("POST", "/logout", "", script...).refused(401, "invalid_token")
}

func TestAScriptTokenIsABearerAndNothingElse(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	made, script := h.token("/me/tokens", `{"name":"x","scopes":["read"]}`, ann)
	h.do("GET", "/me", "", "Authorization", "bEARER "+made.Token).want(200)
	h.do("GET", "/me", "", "Cookie", "parley_token="+made.Token).refused(401, "invalid_token")
	h.do("GET", "/me?token="+made.Token, "").refused(400, "token_in_url")
	h.do("POST", "/refresh", `{"refresh_token":"`+made.Token+`"}`, "Content-Type", asJSON).refused(401, "invalid_refresh_token")
	h.do("POST", "/refresh", `{"refresh_token":"`+made.ID+`.0.`+strings.Repeat("A", 43)+`"}`, "Content-Type", asJSON).refused(401, "invalid_refresh_token")
	h.do("POST", "/logout", `{"refresh_token":"`+made.Token+`"}`, "Content-Type", asJSON).refused(401, "invalid_refresh_token")

	end := made.Token[len(made.Token)-1:]
	for _, bad := range []string{
		"parley_", made.Token[:40], made.Token + "0", made.Token[:len(made.Token)-1] + map[bool]string{true: "1", false: "0"}[end == "0"],
		auth.NewScriptToken().Text(), made.ID,
	} {
		h.do("GET", "/me", "", bearer(bad)...).refused(401, "invalid_token")
	}
	// A browser is logged out, whatever else it sends along; the script's own end is not its to bring about.
	cookies := h.cookies("ann")
	h.do("POST", "/logout", "", with(script, cookies...)...).want(204)
	h.do("GET", "/me", "", cookies...).refused(401, "session_ended")
	h.do("GET", "/me", "", script...).want(200)
}

func TestAnAdminMakesTheTokensOfBots(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	h := open(t, func(s *settings) { s.Data = data })
	ann, bob := h.user("ann"), h.user("bob") // ann is the first user, and so an admin
	bot(t, data, "beep")
	h.chat("lobby", ann)
	h.do("PUT", "/chats/lobby/members/beep", "{}", with(ann, "Content-Type", asJSON)...).want(200)
	made, script := h.token("/users/beep/tokens", `{"name":"x","scopes":["read","post"],"chats":["lobby"]}`, ann)
	if said := h.say("lobby", "beep-beep", script); !strings.Contains(said.body, `"author":"beep"`) {
		t.Errorf("said %s", said.body)
	}
	body := `{"name":"x","scopes":["read"]}`
	for _, c := range []struct {
		who    []string
		name   string
		status int
		code   string
	}{
		{bob, "beep", 403, "forbidden"}, {bob, "bob", 403, "forbidden"}, {bob, "nobody", 403, "forbidden"},
		{ann, "bob", 403, "forbidden"}, {ann, "ann", 403, "forbidden"}, {ann, "nobody", 404, "not_found"}, {ann, "No-Name", 404, "not_found"},
	} {
		h.do("POST", "/users/"+c.name+"/tokens", body, with(c.who, "Content-Type", asJSON)...).refused(c.status, c.code)
		h.do("GET", "/users/"+c.name+"/tokens", "", c.who...).refused(c.status, c.code)
		h.do("DELETE", "/users/"+c.name+"/tokens/"+made.ID, "", c.who...).refused(c.status, c.code)
	}
	if list := h.do("GET", "/users/beep/tokens", "", ann...).want(200); !strings.Contains(list.body, made.ID) || strings.Contains(list.body, "parley_") {
		t.Errorf("listed %s", list.body)
	}
	if list := h.do("GET", "/me/tokens", "", ann...).want(200); list.body != "{\"tokens\":[]}\n" {
		t.Errorf("the admin's own are %s", list.body)
	}
	h.do("DELETE", "/me/tokens/"+made.ID, "", ann...).refused(404, "not_found")
	s := h.follow("/stream", script...)
	h.do("DELETE", "/users/beep/tokens/"+made.ID, "", ann...).want(204)
	s.until(`"reason":"revoked"`)

	h.do("DELETE", "/users/beep", "", ann...).want(204)
	h.do("POST", "/users/beep/tokens", body, with(ann, "Content-Type", asJSON)...).refused(404, "not_found")
	h.do("GET", "/users/beep/tokens", "", ann...).refused(404, "not_found")
}

func TestATicketOfAScriptTokenReachesNoMoreThanTheToken(t *testing.T) {
	t.Parallel()
	h := open(t, forPages)
	ann := h.user("ann")
	h.chat("one", ann)
	h.chat("two", ann)
	made, script := h.token("/me/tokens", `{"name":"x","scopes":["read"],"chats":["one"]}`, ann)
	h.do("GET", "/chats/two/stream?ticket="+h.ticket("", script), "", fromPages...).refused(403, "insufficient_scope")
	s := h.follow("/stream?ticket="+h.ticket("", script), fromPages...)
	s.until("event: ready")
	h.say("two", "said-in-two", ann)
	h.say("one", "said-in-one", ann)
	for block := ""; !strings.Contains(block, "said-in-one"); {
		if block, _ = s.block(); strings.Contains(block, "two") {
			t.Fatalf("it is shown another chat: %s", block)
		}
	}
	late := h.ticket("", script)
	h.do("DELETE", "/me/tokens/"+made.ID, "", ann...).want(204)
	s.until(`"reason":"revoked"`)
	h.do("GET", "/stream?ticket="+late, "", fromPages...).refused(401, "invalid_ticket")
}
