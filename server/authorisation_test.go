package server_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/docs"
	"parley/e2e/need"
	"parley/handlers"
	"parley/middleware"
	"parley/repository"
	"parley/server"
	"parley/web"
)

var update = flag.Bool("update", false, "rewrite testdata/authorisation.txt, which is then to be read")

// The answer of every route to every kind of caller, on both databases, is what
// testdata/authorisation.txt says. A route that is not there fails, and so does a kind of
// caller.
func TestEveryRouteAnswersEveryKindOfCaller(t *testing.T) {
	t.Parallel()
	const file = "testdata/authorisation.txt"
	text, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	declared := parseMatrix(string(text))
	for _, route := range handlers.Routes() {
		path, isGet := strings.CutPrefix(route, "GET ")
		if !slices.Contains(slices.Concat(web.Routes(), docs.Routes()), path) || !isGet {
			if !slices.ContainsFunc(asks, func(a ask) bool { return a.route == route }) {
				t.Errorf("the route %s is in no row of the matrix", route)
			}
		}
	}
	if *update {
		declared = newWorld(t, "sqlite").matrix()
		if err := os.WriteFile(file, []byte(printMatrix(declared)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			got := newWorld(t, database).matrix()
			for _, a := range asks {
				for _, c := range callers {
					if want := declared[a.name()][c.name]; got[a.name()][c.name] != want {
						t.Errorf("%s by %s: answered %d, declared is %d", a.name(), c.name, got[a.name()][c.name], want)
					}
				}
			}
		})
	}
}

// matrix is the status of every row and caller.
type matrix map[string]map[string]int

func parseMatrix(text string) matrix {
	m := matrix{}
	var names []string
	for line := range strings.Lines(text) {
		name, cells, ok := strings.Cut(line, " | ")
		switch fields := strings.Fields(cells); {
		case !ok:
		case names == nil:
			names = fields
		default:
			row := map[string]int{}
			for i, field := range fields {
				row[names[i]], _ = strconv.Atoi(field)
			}
			m[strings.TrimSpace(name)] = row
		}
	}
	return m
}

func printMatrix(m matrix) string {
	var b strings.Builder
	b.WriteString(`The status with which every route answers every kind of caller, on both databases. The callers are
described in server/authorisation_test.go, beside what is asked. Of the chat den, ann is the owner.

`)
	width := 0
	for _, a := range asks {
		width = max(width, len(a.name()))
	}
	row := func(name string, cell func(c caller) string) {
		fmt.Fprintf(&b, "%-*s |", width, name)
		for _, c := range callers {
			fmt.Fprintf(&b, " %*s", max(3, len(c.name)), cell(c))
		}
		b.WriteString("\n")
	}
	row("", func(c caller) string { return c.name })
	for _, a := range asks {
		row(a.name(), func(c caller) string { return strconv.Itoa(m[a.name()][c.name]) })
	}
	return b.String()
}

// world is a server, with its database at hand: so users and sessions need no hashing.
type world struct {
	*house
	repository *repository.Repository
	tokens     *middleware.Tokens
	late       *middleware.Tokens
	hash       string
	names      atomic.Int64
	root       signedIn
}

const foreignSecret = "what another application signs its tokens with"

func newWorld(t *testing.T, database string) *world {
	t.Helper()
	w := &world{}
	var at server.Settings
	folder := t.TempDir()
	for name, text := range map[string]string{
		"secret":       foreignSecret,
		"issuers.json": `[{"issuer":"app","audience":"chat","namespace":"app","username_claim":"sub","secret_file":"secret"}]`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.house = open(t, forPages, func(s *server.Settings) {
		s.Limits, s.Issuers = "off", filepath.Join(folder, "issuers.json")
		if database == "postgres" {
			s.Database = need.Postgres(t)
		}
		at = *s
	})
	var err error
	if w.repository, err = server.OpenStore(t.Context(), at, false, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.repository.Close() })
	key := auth.DeriveKey([]byte(secret), "access token")
	w.tokens, err = middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{key}, TTL: time.Hour})
	if err == nil {
		past := func() time.Time { return time.Now().Add(-2 * time.Hour) }
		w.late, err = middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{key}, TTL: time.Hour, Now: past})
	}
	if err == nil {
		w.hash, err = auth.HashPassword(t.Context(), password)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.root = w.person("root", false) // the first user, and so the admin
	return w
}

// matrix asks everything as everybody, some at once.
func (w *world) matrix() matrix {
	m := matrix{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, a := range asks {
		m[a.name()] = map[string]int{}
	}
	for _, a := range asks {
		for _, c := range callers {
			turns <- struct{}{}
			asking.Go(func() {
				defer func() { <-turns }()
				status, err := w.ask(a, c)
				// A database that two programs write to, on a busy machine, may have no time:
				// that decides nothing, and another scene is made.
				for tries := 0; tries < 20 && (errors.Is(err, chat.ErrUnavailable) || status == http.StatusServiceUnavailable); tries++ {
					status, err = w.ask(a, c)
				}
				if err != nil {
					w.t.Errorf("%s by %s: %v", a.name(), c.name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				m[a.name()][c.name] = status
			})
		}
	}
	asking.Wait()
	return m
}

// must is for what prepares a cell: what goes wrong there is the error of ask.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustDo(err error) { must(struct{}{}, err) }

// signedIn is a user with a session, and its access token.
type signedIn struct {
	chat.Actor
	token string
}

func (w *world) person(name string, bot bool) signedIn {
	name = fmt.Sprintf("%s%d", name, w.names.Add(1))
	ctx := w.t.Context()
	n := auth.NewUser{Username: name, DisplayName: name, PasswordHash: w.hash, Bot: bot}
	if bot {
		n.PasswordHash = ""
	}
	must(w.repository.CreateUser(ctx, n))
	p := signedIn{Actor: chat.Actor{Username: name}}
	if !bot {
		w.logInBeside(&p)
	}
	return p
}

func (w *world) logInBeside(p *signedIn) {
	now := time.Now().Truncate(time.Millisecond)
	p.Session = "session" + strconv.FormatInt(w.names.Add(1), 10)
	mustDo(w.repository.CreateSession(w.t.Context(), auth.NewSession{
		Session: auth.Session{ID: p.Session, Username: p.Username, CreatedAt: now, SessionTokens: auth.SessionTokens{
			RefreshHash: []byte("x"), RefreshedAt: now, RefreshExpires: now.Add(24 * time.Hour), AccessExpires: now.Add(time.Hour),
		}},
		PasswordHash: w.hash,
	}))
	token, _, err := w.tokens.Sign(p.Username, p.Session)
	mustDo(err)
	p.token = token
}

// scene is what one cell is about, and nothing else is: ann with her chat den, and what else
// is asked for, which is made then.
type scene struct {
	*world
	ann signedIn
	den string
}

func (w *world) scene() *scene {
	s := &scene{world: w, ann: w.person("ann", false)}
	s.den = s.chat("den", chat.Private)
	return s
}

// chat is a chat of ann's.
func (s *scene) chat(name string, v chat.Visibility) string {
	id := name + s.ann.Username
	must(s.repository.CreateChat(s.t.Context(), s.ann.Actor, chat.NewChat{ID: id, Visibility: v}))
	return id
}

func (s *scene) public() string { return s.chat("public", chat.Public) }

// user is a user who has nothing to do with den.
func (s *scene) user() string { return s.person("user", false).Username }

func (s *scene) message() string {
	return strconv.FormatInt(must(s.repository.Post(s.t.Context(), s.ann.Actor, chat.Post{Chat: s.den, Text: "hello"})).Message.ID, 10)
}

// second is another session of ann's.
func (s *scene) second() string {
	again := s.ann
	s.logInBeside(&again)
	return again.Session
}

// token is a script token of ann's.
func (s *scene) token() string {
	return must(s.repository.CreateToken(s.t.Context(), s.ann.Actor, "", auth.NewScriptToken(),
		chat.NewToken{Name: "t", Scopes: chat.ScopeRead, Life: time.Hour})).ID
}

// invite is ann's to den.
func (s *scene) invite() string {
	return must(s.repository.CreateInvite(s.t.Context(), s.ann.Actor, chat.NewInvite{Chat: s.den, Uses: 1, Life: time.Hour})).Code
}

func (s *scene) bot() string { return s.person("bot", true).Username }

func (s *scene) botToken(bot string) string {
	return must(s.repository.CreateToken(s.t.Context(), s.root.Actor, bot, auth.NewScriptToken(),
		chat.NewToken{Name: "t", Scopes: chat.ScopeRead, Life: time.Hour})).ID
}

// member is a user with a role in den.
func (s *scene) member(role chat.Role) signedIn {
	p := s.person("p", false)
	must(s.repository.PutMember(s.t.Context(), s.ann.Actor, s.den, p.Username, role))
	return p
}

// script is a script token's header.
func (s *scene) script(username string, scopes chat.Scope, chats ...string) []string {
	token := auth.NewScriptToken()
	must(s.repository.CreateToken(s.t.Context(), chat.Actor{Kind: chat.Operator}, username, token, chat.NewToken{
		Name: "script", Scopes: scopes, Chats: chat.NewChatSet(chats), Life: time.Hour,
	}))
	return bearer(token.Text())
}

// caller is a kind of caller: what it sends with its request.
type caller struct {
	name string
	as   func(s *scene) (headers []string)
}

const allScopes = chat.ScopeRead | chat.ScopePost | chat.ScopeManage

// The callers. What has a fault is otherwise the owner's.
var callers = []caller{
	{"none", func(s *scene) []string { return nil }},
	{"malformed", func(s *scene) []string { return bearer("x.y.z") }},
	{"expired", func(s *scene) []string {
		token, _, err := s.late.Sign(s.ann.Username, s.ann.Session)
		mustDo(err)
		return bearer(token)
	}},
	{"revoked", func(s *scene) []string {
		mustDo(s.repository.EndSession(s.t.Context(), s.ann.Session))
		return bearer(s.ann.token)
	}},
	{"disabled", func(s *scene) []string {
		disabled := true
		must(s.repository.UpdateUser(s.t.Context(), s.root.Actor, s.ann.Username, chat.UserChange{Disabled: &disabled}))
		return bearer(s.ann.token)
	}},
	{"audience", func(s *scene) []string {
		claims := claimsOf(s.t, s.ann.token)
		claims["aud"] = "another service"
		return bearer(forge(auth.DeriveKey([]byte(secret), "access token"), "HS256", claims))
	}},
	{"issuer", func(s *scene) []string {
		return bearer(signed([]byte(foreignSecret), `{"alg":"HS256"}`, says("app", map[string]any{"sub": s.ann.Username})))
	}},
	{"guest", func(s *scene) []string { return bearer(s.member(chat.RoleGuest).token) }},
	{"member", func(s *scene) []string { return bearer(s.member(chat.RoleMember).token) }},
	{"former", func(s *scene) []string {
		p := s.member(chat.RoleMember)
		mustDo(s.repository.RemoveMember(s.t.Context(), s.ann.Actor, s.den, p.Username))
		return bearer(p.token)
	}},
	{"never", func(s *scene) []string { return bearer(s.person("never", false).token) }},
	{"chat-admin", func(s *scene) []string { return bearer(s.member(chat.RoleAdmin).token) }},
	{"owner", func(s *scene) []string { return bearer(s.ann.token) }},
	{"elsewhere", func(s *scene) []string {
		other := s.person("other", false)
		must(s.repository.CreateChat(s.t.Context(), other.Actor, chat.NewChat{Visibility: chat.Private}))
		return bearer(other.token)
	}},
	{"admin", func(s *scene) []string {
		p, admin := s.person("admin", false), true
		must(s.repository.UpdateUser(s.t.Context(), s.root.Actor, p.Username, chat.UserChange{Admin: &admin}))
		return bearer(p.token)
	}},
	{"bot", func(s *scene) []string {
		bot := s.bot()
		must(s.repository.PutMember(s.t.Context(), s.ann.Actor, s.den, bot, ""))
		return s.script(bot, allScopes)
	}},
	{"read", func(s *scene) []string { return s.script(s.ann.Username, chat.ScopeRead) }},
	{"post", func(s *scene) []string { return s.script(s.ann.Username, chat.ScopePost) }},
	{"manage", func(s *scene) []string { return s.script(s.ann.Username, chat.ScopeManage) }},
	{"annex", func(s *scene) []string { return s.script(s.ann.Username, allScopes, s.chat("annex", chat.Private)) }},
	{"ticket", func(s *scene) []string {
		return with(fromPages, "X-Test-Ticket", s.ticket("", bearer(s.ann.token)))
	}},
	{"foreign-page", func(s *scene) []string {
		return []string{"Cookie", "parley_token=" + s.ann.token, "Origin", "https://foreign.example", "Sec-Fetch-Site", "cross-site"}
	}},
}

// ask is a row: a route, and what is asked of it.
type ask struct {
	route string
	// about tells rows of one route apart.
	about string
	// path is the route's path in a scene, and body what is sent.
	path, body func(s *scene) string
}

func (a ask) name() string {
	if a.about == "" {
		return a.route
	}
	return a.route + " (" + a.about + ")"
}

// ask asks as somebody, in a scene of its own.
func (w *world) ask(a ask, c caller) (status int, err error) {
	defer func() {
		if p := recover(); p != nil {
			var ok bool
			if err, ok = p.(error); !ok {
				panic(p)
			}
		}
	}()
	s := w.scene()
	method, path, _ := strings.Cut(a.route, " ")
	if a.path != nil {
		path = a.path(s)
	}
	body := ""
	if a.body != nil {
		body = a.body(s)
	}
	headers := c.as(s) // behind what the row needs: ann may lose her rights by it
	path = strings.ReplaceAll(path, ":chat", s.den)
	if i := slices.Index(headers, "X-Test-Ticket"); i >= 0 {
		path += "?ticket=" + headers[i+1]
		headers = headers[:i]
	}
	if a.body != nil {
		headers = with(headers, "Content-Type", asJSON)
	}
	req := must(http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader([]byte(body))))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res := must(w.client.Do(req))
	defer res.Body.Close()
	if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
		answer, _ := io.ReadAll(res.Body)
		w.t.Errorf("%s by %s: %s %s", a.name(), c.name, res.Status, answer)
	}
	return res.StatusCode, nil
}

func always(text string) func(*scene) string { return func(*scene) string { return text } }

// messagePath is the path of a message of ann's, or of something below.
func messagePath(below string) func(*scene) string {
	return func(s *scene) string { return "/messages/" + s.message() + below }
}

// asks are the rows.
var asks = []ask{
	{route: "POST /users", body: func(s *scene) string {
		return fmt.Sprintf(`{"username":"new%d","password":%q}`, s.names.Add(1), password)
	}},
	{route: "POST /users", about: "a bot", body: func(s *scene) string {
		return fmt.Sprintf(`{"username":"new%d","bot":true}`, s.names.Add(1))
	}},
	{route: "POST /login", body: func(s *scene) string {
		return fmt.Sprintf(`{"username":%q,"password":%q}`, s.user(), password)
	}},
	{route: "POST /refresh", body: always(`{"refresh_token":"x"}`)},
	{route: "POST /logout"},

	{route: "GET /me"},
	{route: "PATCH /me", body: always(`{"display_name":"another"}`)},
	{route: "DELETE /me", body: always(`{"password":"` + password + `"}`)},
	{route: "PUT /me/password", body: always(`{"password":"` + password + `","new_password":"another horse and battery"}`)},
	{route: "GET /me/sessions"},
	{route: "DELETE /me/sessions"},
	{route: "DELETE /me/sessions/:session", about: "of ann", path: func(s *scene) string { return "/me/sessions/" + s.second() }},
	{route: "POST /stream-tickets", body: always(`{}`)},
	{route: "POST /me/tokens", body: always(`{"name":"n","scopes":["read"]}`)},
	{route: "GET /me/tokens"},
	{route: "DELETE /me/tokens/:id", about: "of ann", path: func(s *scene) string { return "/me/tokens/" + s.token() }},

	{route: "GET /users"},
	{route: "GET /users/:username", path: func(s *scene) string { return "/users/" + s.user() }},
	{route: "PATCH /users/:username", path: func(s *scene) string { return "/users/" + s.user() }, body: always(`{"disabled":true}`)},
	{route: "DELETE /users/:username", path: func(s *scene) string { return "/users/" + s.user() }, body: always(`{}`)},
	{route: "PUT /users/:username/password", path: func(s *scene) string { return "/users/" + s.user() + "/password" },
		body: always(`{"new_password":"another horse and battery"}`)},
	{route: "POST /users/:username/tokens", about: "of a bot", path: func(s *scene) string { return "/users/" + s.bot() + "/tokens" },
		body: always(`{"name":"n","scopes":["read"]}`)},
	{route: "POST /users/:username/tokens", about: "of a person", path: func(s *scene) string { return "/users/" + s.user() + "/tokens" },
		body: always(`{"name":"n","scopes":["read"]}`)},
	{route: "GET /users/:username/tokens", about: "of a bot", path: func(s *scene) string { return "/users/" + s.bot() + "/tokens" }},
	{route: "DELETE /users/:username/tokens/:id", about: "of a bot", path: func(s *scene) string {
		bot := s.bot()
		return "/users/" + bot + "/tokens/" + s.botToken(bot)
	}},

	{route: "POST /invites", about: "to sign up", body: always(`{}`)},
	{route: "POST /invites", about: "to den", body: func(s *scene) string { return `{"chat":"` + s.den + `"}` }},
	{route: "GET /invites"},
	{route: "POST /invites/:code", about: "to den", path: func(s *scene) string { return "/invites/" + s.invite() }},
	{route: "DELETE /invites/:code", about: "of ann", path: func(s *scene) string { return "/invites/" + s.invite() }},

	{route: "POST /chats", body: always(`{}`)},
	{route: "GET /chats"},
	{route: "GET /chats/:chat", about: "den"},
	{route: "GET /chats/:chat", about: "public", path: func(s *scene) string { return "/chats/" + s.public() }},
	{route: "PATCH /chats/:chat", about: "den", body: always(`{"title":"another"}`)},
	{route: "DELETE /chats/:chat", about: "den"},
	{route: "GET /chats/:chat/members", about: "den"},
	{route: "GET /chats/:chat/members", about: "public", path: func(s *scene) string { return "/chats/" + s.public() + "/members" }},
	{route: "PUT /chats/:chat/members/:username", about: "another into den", path: func(s *scene) string { return "/chats/" + s.den + "/members/" + s.user() }},
	{route: "PUT /chats/:chat/members/:username", about: "an owner of den", path: func(s *scene) string { return "/chats/" + s.den + "/members/" + s.user() },
		body: always(`{"role":"owner"}`)},
	{route: "DELETE /chats/:chat/members/:username", about: "another from den", path: func(s *scene) string { return "/chats/" + s.den + "/members/" + s.member(chat.RoleMember).Username }},
	{route: "DELETE /chats/:chat/members/:username", about: "its owner from den", path: func(s *scene) string { return "/chats/" + s.den + "/members/" + s.ann.Username }},

	{route: "POST /messages", about: "den", body: func(s *scene) string { return `{"chat":"` + s.den + `","text":"hello"}` }},
	{route: "POST /chats/:chat/messages", about: "den", body: always(`{"text":"hello"}`)},
	{route: "GET /chats/:chat/messages", about: "den"},
	{route: "GET /chats/:chat/messages", about: "public", path: func(s *scene) string { return "/chats/" + s.public() + "/messages" }},
	{route: "GET /messages/:id", about: "of den", path: messagePath("")},
	{route: "PATCH /messages/:id", about: "of ann", path: messagePath(""), body: always(`{"text":"other"}`)},
	{route: "DELETE /messages/:id", about: "of ann", path: messagePath("")},
	{route: "GET /messages/:id/replies", about: "of den", path: messagePath("/replies")},
	{route: "PUT /messages/:id/reactions/:emoji", about: "of den", path: messagePath("/reactions/👍")},
	{route: "DELETE /messages/:id/reactions/:emoji", about: "of den", path: messagePath("/reactions/👍")},
	{route: "GET /chats/:chat/wait", about: "den", path: func(s *scene) string {
		s.message()
		return "/chats/" + s.den + "/wait?after=earliest"
	}},
	{route: "POST /chats/:chat/typing", about: "den"},
	{route: "GET /chats/:chat/presence", about: "den"},
	{route: "PUT /chats/:chat/read", about: "den", body: func(s *scene) string { return `{"id":` + s.message() + `}` }},
	{route: "GET /chats/:chat/read", about: "den"},
	{route: "GET /chats/:chat/stream", about: "den"},
	{route: "GET /chats/:chat/stream", about: "public", path: func(s *scene) string { return "/chats/" + s.public() + "/stream" }},
	{route: "GET /stream"},

	{route: "GET /healthz"},
	{route: "GET /readyz"},
	{route: "GET /metrics"},
}
