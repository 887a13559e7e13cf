package repository

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/auth/issuers"
	"parley/chat"
	"parley/middleware"
)

func init() { gin.SetMode(gin.ReleaseMode) }

// credentials make another credential of a user, by its kind. Those of another issuer are of
// its own user of that name.
var credentials = map[chat.CredentialKind]func(t testing.TB, r *Repository, name string) chat.Actor{
	chat.SignIn: logIn,
	chat.ScriptToken: func(t testing.TB, r *Repository, name string) chat.Actor {
		return script(t, r, makeToken(t, r, logIn(t, r, name), chat.NewToken{Scopes: chat.ScopePost | chat.ScopeManage}).ID)
	},
	chat.ForeignToken: func(t testing.TB, r *Repository, name string) chat.Actor {
		f := subjectOf(name, name)
		f.Session += fmt.Sprint(headOf(t, r), number(t, r, `SELECT count(*) FROM sessions`))
		return admit(t, r, f)
	},
}

func TestAnAuthorIsLookedUpOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		signUp(t, r, "ann", "bob", "cid")
		for kind, credential := range credentials {
			ann, bob := credential(t, r, "ann"), credential(t, r, "bob")
			den := "den-" + kinds[kind]
			makeChat(t, r, ann, den, chat.Private, map[string]chat.Role{bob.Username: chat.RoleMember})
			a := askedOf(t, r)
			want := func(permissions int) {
				t.Helper()
				if a.permissions != permissions || a.keys != 0 {
					t.Errorf("%s: %d permissions and %d keys were read, want %d", den, a.permissions, a.keys, permissions)
				}
				a.permissions = 0
			}
			say(t, r, ann, den, "one")
			say(t, r, bob, den, "two")
			want(2)
			for range 3 {
				say(t, r, ann, den, "three")
				say(t, r, bob, den, "four")
			}
			want(0)
			// A refusal changes nothing.
			_, err := r.Post(t.Context(), bob, chat.Post{Chat: "other", Text: "lost"})
			wantRefusal(t, err, chat.ErrNotFound)
			want(1)
			say(t, r, bob, den, "five")
			want(0)
			// What ends no right leaves everything as it was found.
			credential(t, r, "bob")
			if _, err := r.PutMember(t.Context(), ann, den, "cid", ""); err != nil {
				t.Fatal(err)
			}
			say(t, r, bob, den, "six")
			want(0)
			if err := r.RemoveMember(t.Context(), ann, den, "cid"); err != nil {
				t.Fatal(err)
			}
			say(t, r, bob, den, "seven")
			want(1)
		}
		wantWholeLog(t, r)
	})
}

// A post by a credential that was used before costs the database what the batch does that
// stores it, and no statement more.
func TestACredentialAddsNoStatementToAWarmPost(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := beforeTheCleaner(t, s)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Public, nil)
		foreign := newIssuer(t, r)
		tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{make([]byte, 32)}, TTL: time.Hour,
			Scripts: auth.NewScriptTokens(r, nil), Foreign: foreign})
		if err != nil {
			t.Fatal(err)
		}
		own, _, err := tokens.Sign(ann.Username, ann.Session)
		if err != nil {
			t.Fatal(err)
		}
		secret := auth.NewScriptToken()
		if _, err := r.CreateToken(t.Context(), ann, "", secret, chat.NewToken{Name: "a script", Scopes: chat.ScopePost, Life: time.Hour}); err != nil {
			t.Fatal(err)
		}
		texts := map[chat.CredentialKind]string{chat.SignIn: own, chat.ScriptToken: secret.Text(), chat.ForeignToken: foreign.sign("bob")}
		put := authenticated(t, tokens, texts[chat.ForeignToken])
		if _, err := r.PutMember(t.Context(), put, "den", put.Username, ""); err != nil {
			t.Fatal(err)
		}
		a, rec := askedOf(t, r), recordWriter(t, r)
		post := func(times int) {
			for kind, text := range texts {
				for range times {
					actor := authenticated(t, tokens, text)
					if actor.Kind != kind {
						t.Fatalf("%s is of kind %v", text, actor.Kind)
					}
					say(t, r, actor, "den", "hello")
				}
			}
		}
		post(1)
		eventually(t, "the use of the script token is stored", func() bool {
			return number(t, r, `SELECT count(*) FROM sessions WHERE kind = 'token' AND refreshed_at > 0`) == 1
		})
		rec.statements = nil
		*a = asked{Conn: a.Conn}
		holdReads(t, r)
		const times = 3
		post(times)
		if a.permissions+a.keys != 0 || a.stores != times*len(texts) || len(rec.statements) != 0 {
			t.Errorf("%d posts: %d batches, %d permissions and %d keys were read, and %q was said besides", times*len(texts),
				a.stores, a.permissions, a.keys, rec.statements)
		}
	})
}

// holdReads takes all connections that reads may have until the test ends: one more would wait,
// and fail in the end.
func holdReads(t testing.TB, r *Repository) {
	t.Helper()
	for i := range r.pool.Stats().MaxOpenConnections {
		user := fmt.Sprint("reader ", i)
		if err := r.gate.enter(t.Context(), user, 1); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.gate.leave(user, 1) })
	}
}

// authenticated is whom a bearer token speaks for.
func authenticated(t testing.TB, tokens *middleware.Tokens, text string) chat.Actor {
	t.Helper()
	answer := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(answer)
	c.Request = httptest.NewRequestWithContext(t.Context(), "POST", "/messages", nil)
	c.Request.Header.Set("Authorization", "Bearer "+text)
	if tokens.Authenticate()(c); c.IsAborted() {
		t.Fatalf("refused: %s", answer.Body)
	}
	return middleware.ActorOf(c)
}

// issuer is another issuer, an application that signs by a secret.
type issuer struct{ *issuers.Set }

const issuerSecret = "a secret that an application shares"

func newIssuer(t testing.TB, store auth.ForeignStore) issuer {
	t.Helper()
	folder := t.TempDir()
	list := filepath.Join(folder, "issuers.json")
	for path, text := range map[string]string{
		list:                            `[{"issuer":"app","audience":"chat","namespace":"app","username_claim":"sub","secret_file":"secret"}]`,
		filepath.Join(folder, "secret"): issuerSecret,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configs, err := issuers.Read(list)
	if err != nil {
		t.Fatal(err)
	}
	set, err := issuers.New(issuers.Options{Issuers: configs, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return issuer{set}
}

// sign is a token of a user of the application.
func (issuer) sign(subject string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":"app","aud":"chat","sub":%q,"exp":%d}`, subject, time.Now().Add(time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte(issuerSecret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}
