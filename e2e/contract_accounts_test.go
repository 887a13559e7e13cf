package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// userFields are those of a user.
var userFields = []string{"username", "display_name", "admin", "bot", "disabled", "created_at"}

func TestContractAccountsAreMadeAndEntered(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)

	t.Run("signing up answers the user", func(t *testing.T) {
		name := madeUp("u")
		body := fmt.Sprintf(`{"username":%q,"password":%q,"display_name":"Ann Äpfel"}`, name, newPassword())
		user := ask(t, p, "POST", "/users", body).is(201).fields("username", "display_name", "created_at")
		if user["username"] != name || user["display_name"] != "Ann Äpfel" {
			t.Errorf("the user is %v", user)
		}
		checkMoments(t, user, "created_at")
	})
	t.Run("a name is taken once", func(t *testing.T) {
		ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%q}`, ann.name, newPassword())).problem(409, "username_taken")
	})
	t.Run("a username is of its pattern", func(t *testing.T) {
		for _, name := range []string{"", "Ann", "-ann", ".ann", "_ann", "ann ann", "änn", "a/b", strings.Repeat("a", 33), "ann\n"} {
			ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%q}`, name, newPassword())).problem(400, "").names("username")
		}
		ask(t, p, "POST", "/users", fmt.Sprintf(`{"password":%q}`, newPassword())).problem(400, "").names("username")
		long := madeUp("0._-")
		long += strings.Repeat("z", 32-len(long))
		ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%q}`, long, newPassword())).is(201)
	})
	t.Run("a password has 8 to 256 characters", func(t *testing.T) {
		for _, password := range []string{"seven-7", strings.Repeat("ü", 7), strings.Repeat("ü", 257), "with a NUL \x00 in it"} {
			ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%s}`, madeUp("u"), quoted(password))).problem(400, "").names("password")
		}
		ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q}`, madeUp("u"))).problem(400, "").names("password")
		for _, password := range []string{"ürgsüößw", strings.Repeat("ü", 256)} {
			who := &account{name: madeUp("u"), password: password}
			ask(t, p, "POST", "/users", who.credentials()).is(201)
			who.logIn(t, p)
		}
	})
	t.Run("a display name has at most 64 characters", func(t *testing.T) {
		signUp := func(display string) *reply {
			return ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%q,"display_name":%s}`, madeUp("u"), newPassword(), display))
		}
		signUp(`"` + strings.Repeat("𝒜", 64) + `"`).is(201)
		signUp(`"`+strings.Repeat("a", 65)+`"`).problem(400, "").names("display_name")
		signUp(`"a\u0000b"`).problem(400, "").names("display_name")
		signUp(`"a\ud800b"`).problem(400, "")
		signUp("\"a\xffb\"").problem(400, "")
		signUp(`7`).problem(400, "").names("display_name")
	})
	t.Run("login answers both tokens and the user", func(t *testing.T) {
		answer := ask(t, p, "POST", "/login", ann.credentials()).is(200)
		login := answer.fields("token", "token_type", "expires_at", "refresh_token", "refresh_expires_at", "user")
		if login["token_type"] != "Bearer" {
			t.Errorf("token_type is %v", login["token_type"])
		}
		checkMoments(t, login, "expires_at", "refresh_expires_at")
		if user, _ := login["user"].(map[string]any); !fieldsAre(user, userFields...) || user["username"] != ann.name {
			t.Errorf("the user is %v", login["user"])
		}
		if len(answer.cookies) > 0 {
			t.Errorf("cookies that nobody asked for: %v", answer.cookies)
		}
	})
	t.Run("who is asking is told who he is", func(t *testing.T) {
		me := ask(t, p, "GET", "/me", "", bearer(ann.token)).is(200).fields(userFields...)
		if me["username"] != ann.name {
			t.Errorf("I am %v", me)
		}
		checkMoments(t, me, "created_at")
	})
	t.Run("with cookie both tokens go into cookies alone", func(t *testing.T) {
		body := fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)
		answer := ask(t, p, "POST", "/login", body).is(200)
		login := answer.object()
		for _, name := range []string{"token", "refresh_token"} {
			if _, given := login[name]; given {
				t.Errorf("%s is in the body: %v", name, login)
			}
		}
		checkMoments(t, login, "expires_at", "refresh_expires_at")
		if len(answer.cookies) != 2 {
			t.Fatalf("the cookies are %v", answer.cookies)
		}
		for _, c := range answer.cookies {
			if c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || strings.HasPrefix(c.Name, "__Host-") || c.Domain != "" {
				t.Errorf("the cookie is %v", c)
			}
		}
		ask(t, p, "GET", "/me", "", withCookies(answer.cookies...)).is(200)
		body = fmt.Sprintf(`{"username":%q,"password":%q,"cookie":"true"}`, ann.name, ann.password)
		ask(t, p, "POST", "/login", body).problem(400, "").names("cookie")
	})
	t.Run("a wrong password and an unknown name are refused alike", func(t *testing.T) {
		wrong := ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":%q,"password":%q}`, ann.name, newPassword())).problem(401, "")
		unknown := ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":%q,"password":%q}`, madeUp("u"), newPassword())).problem(401, "")
		unknown.sameAs(wrong)
	})
	t.Run("forms have the same names and rules", func(t *testing.T) {
		form := ofKind(formKind)
		name, password := madeUp("u"), newPassword()
		user := ask(t, p, "POST", "/users", "username="+name+"&password="+password+"&display_name=Bo+B%C3%A4r", form).is(201).object()
		if user["display_name"] != "Bo Bär" {
			t.Errorf("the user is %v", user)
		}
		ask(t, p, "POST", "/users", "username=Bad&password="+password, form).problem(400, "").names("username")
		ask(t, p, "POST", "/users", "username="+madeUp("u")+"&password=seven-7", form).problem(400, "").names("password")
		ask(t, p, "POST", "/users", "username="+madeUp("u")+"&password="+password+"&colour=red", form).problem(400, "").names("colour")
		ask(t, p, "POST", "/users", "username="+madeUp("u")+"&username="+madeUp("u")+"&password="+password, form).problem(400, "").names("username")
		ask(t, p, "POST", "/users", "username="+madeUp("u")+"&password="+password+"&display_name=a%00b", form).problem(400, "").names("display_name")
		ask(t, p, "POST", "/users", "username="+madeUp("u")+"&password="+password+"&display_name=a%ffb", form).problem(400, "")

		login := ask(t, p, "POST", "/login", "username="+name+"&password="+password, form).is(200).
			fields("token", "token_type", "expires_at", "refresh_token", "refresh_expires_at", "user")
		ask(t, p, "POST", "/login", "username="+name+"&password="+password+"&cookie=maybe", form).problem(400, "").names("cookie")
		if answer := ask(t, p, "POST", "/login", "username="+name+"&password="+password+"&cookie=true", form).is(200); len(answer.cookies) != 2 {
			t.Errorf("the cookies are %v", answer.cookies)
		}
		ask(t, p, "POST", "/refresh", "refresh_token="+url.QueryEscape(login["refresh_token"].(string)), form).is(200).
			fields("token", "token_type", "expires_at", "refresh_token", "refresh_expires_at", "user")
		ask(t, p, "POST", "/refresh", "refresh_token=nonsense-token&colour=red", form).problem(400, "").names("colour")
	})
	t.Run("text/plain answers the access token alone", func(t *testing.T) {
		plain := header("Accept", textKind)
		answer := ask(t, p, "POST", "/login", ann.credentials(), plain).is(200).mediaType(textKind)
		ask(t, p, "GET", "/me", "", bearer(strings.TrimSuffix(string(answer.body), "\n"))).is(200)
		login := ask(t, p, "POST", "/login", ann.credentials()).is(200).object()
		answer = ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, login["refresh_token"]), plain).is(200).mediaType(textKind)
		ask(t, p, "GET", "/me", "", bearer(strings.TrimSuffix(string(answer.body), "\n"))).is(200)
	})
	t.Run("unknown and repeated fields, another type and trailing bytes are refused by name", func(t *testing.T) {
		credentials := strings.TrimSuffix(ann.credentials(), "}")
		ask(t, p, "POST", "/login", credentials+`,"colour":"red"}`).problem(400, "").names("colour")
		ask(t, p, "POST", "/login", credentials+fmt.Sprintf(`,"username":%q}`, ann.name)).problem(400, "").names("username")
		ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":7,"password":%q}`, ann.password)).problem(400, "").names("username")
		ask(t, p, "POST", "/login", credentials+`} {}`).problem(400, "")
		ask(t, p, "POST", "/login", credentials).problem(400, "")
		ask(t, p, "POST", "/login", `["a list"]`).problem(400, "")
		ask(t, p, "POST", "/login", "username="+ann.name).problem(400, "")
	})
}

// quoted is a JSON string, which Go's quotes are not.
func quoted(s string) string {
	return `"` + strings.NewReplacer("\x00", `\u0000`, "\n", `\n`, `"`, `\"`, `\`, `\\`).Replace(s) + `"`
}

func TestContractCredentialsAreTakenFromOnePlace(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	cookies := ann.logInByCookie(t, p)

	t.Run("the scheme is written in any case", func(t *testing.T) {
		for _, scheme := range []string{"Bearer", "bearer", "BEARER", "bEaReR"} {
			ask(t, p, "GET", "/me", "", header("Authorization", scheme+" "+ann.token)).is(200)
		}
	})
	t.Run("nobody is refused without an error in the challenge", func(t *testing.T) {
		for _, route := range []string{"GET /me", "GET /chats", "POST /chats", "GET /stream", "POST /messages", "GET /messages/1", "GET /chats/a/stream"} {
			method, path, _ := strings.Cut(route, " ")
			answer := ask(t, p, method, path, "").problem(401, "")
			if strings.Contains(answer.header.Get("WWW-Authenticate"), "error=") {
				answer.errorf("WWW-Authenticate is %q for a request without a credential", answer.header.Get("WWW-Authenticate"))
			}
		}
	})
	t.Run("a request with Authorization never uses the cookie", func(t *testing.T) {
		for _, value := range []string{"Bearer nonsense-token", "Basic bm9uc2Vuc2U6dG9rZW4=", "Bearer", "nonsense-token", ""} {
			ask(t, p, "GET", "/me", "", withCookies(cookies...), header("Authorization", value)).problem(401, "")
		}
	})
	t.Run("a token that is not ours is refused", func(t *testing.T) {
		parts := strings.Split(ann.token, ".")
		if len(parts) != 3 {
			t.Fatalf("the token has %d parts", len(parts))
		}
		for what, token := range map[string]string{
			"alg none":        base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
			"another key":     signed(`{"alg":"HS256","typ":"JWT"}`, parts[1], "another key of thirty-two bytes!"),
			"an empty key":    signed(`{"alg":"HS256","typ":"JWT"}`, parts[1], ""),
			"another alg":     base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS512","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2],
			"other claims":    parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"somebody"}`)) + "." + parts[2],
			"no signature":    parts[0] + "." + parts[1] + ".",
			"a refresh token": ann.refresh,
		} {
			answer := ask(t, p, "GET", "/me", "", bearer(token)).problem(401, "")
			if challenge := answer.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
				t.Errorf("%s: WWW-Authenticate is %q", what, challenge)
			}
		}
	})
	t.Run("a token in the URL is refused everywhere", func(t *testing.T) {
		chatID := makeChatOf(t, p, ann, "private")
		for _, name := range []string{"token", "access_token", "jwt", "refresh_token"} {
			query := "?" + name + "=" + url.QueryEscape(ann.token)
			ask(t, p, "GET", "/me"+query, "").problem(400, "token_in_url")
			ask(t, p, "GET", "/me"+query, "", bearer(ann.token)).problem(400, "token_in_url")
			ask(t, p, "GET", "/chats/"+chatID+"/stream"+query, "").problem(400, "token_in_url")
			ask(t, p, "GET", "/stream"+query, "", bearer(ann.token)).problem(400, "token_in_url")
			ask(t, p, "POST", "/chats"+query, "{}", bearer(ann.token)).problem(400, "token_in_url")
			ask(t, p, "POST", "/login"+query, ann.credentials()).problem(400, "token_in_url")
		}
		query := "?refresh_token=" + url.QueryEscape(ann.refresh)
		ask(t, p, "POST", "/refresh"+query, "").problem(400, "token_in_url")
		ask(t, p, "POST", "/logout"+query, "").problem(400, "token_in_url")
		ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, ann.refresh)).is(200) // it was not spent
	})
}

func signed(head, claims, key string) string {
	content := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + claims
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(content))
	return content + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestContractForeignPagesChangeNothing(t *testing.T) {
	t.Parallel()
	const listed = "https://app.example"
	p := serve(t, "--origins", listed)
	ann := newAccount(t, p)
	cookies := ann.logInByCookie(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	site := func(value string) with { return header("Sec-Fetch-Site", value) }
	origin := func(value string) with { return header("Origin", value) }

	pages := []struct {
		name string
		from []with
		own  bool
	}{
		{"no browser", nil, true},
		{"same-origin", []with{site("same-origin"), origin(p.URL)}, true},
		{"same-origin without Origin", []with{site("same-origin")}, true},
		{"none", []with{site("none")}, true},
		{"own Origin alone", []with{origin(p.URL)}, true},
		{"own Origin of another scheme", []with{origin("https://" + p.Addr())}, true},
		{"listed Origin alone", []with{origin(listed)}, true},
		{"cross-site and listed", []with{site("cross-site"), origin(listed)}, true},
		{"same-site and listed", []with{site("same-site"), origin(listed)}, true},
		{"cross-site", []with{site("cross-site"), origin("https://evil.example")}, false},
		{"cross-site without Origin", []with{site("cross-site")}, false},
		{"same-site", []with{site("same-site"), origin("http://127.0.0.1:1")}, false},
		{"same-site without Origin", []with{site("same-site")}, false},
		{"cross-site with own Origin", []with{site("cross-site"), origin(p.URL)}, false},
		{"same-site with own Origin", []with{site("same-site"), origin(p.URL)}, false},
		{"foreign Origin alone", []with{origin("https://evil.example")}, false},
		{"another port", []with{origin("http://127.0.0.1:1")}, false},
		{"own host without the port", []with{origin("http://127.0.0.1")}, false},
		{"listed host of another scheme", []with{origin("http://app.example")}, false},
		{"listed host with a tail", []with{origin("https://app.example.evil.example")}, false},
		{"null", []with{origin("null")}, false},
		{"cross-site and null", []with{site("cross-site"), origin("null")}, false},
	}
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			expect := func(answer *reply, ok int) {
				t.Helper()
				if page.own {
					answer.is(ok)
				} else {
					answer.problem(403, "foreign_origin")
				}
			}
			from := func(more ...with) []with { return append(slices.Clone(page.from), more...) }
			byCookie := withCookies(cookies...)
			expect(ask(t, p, "POST", "/chats", "{}", from(byCookie)...), 201)
			expect(ask(t, p, "POST", "/chats/"+chatID+"/messages", newText(), from(byCookie, ofKind(textKind))...), 201)
			expect(ask(t, p, "PATCH", "/chats/"+chatID, `{"title":"Lobby"}`, from(byCookie)...), 200)
			expect(ask(t, p, "GET", "/chats/"+chatID+"/stream?after=earliest&limit=1", "", from(byCookie)...), 200)
			expect(ask(t, p, "GET", "/stream?after=earliest&limit=1", "", from(byCookie)...), 200)
			// Reading is not changing, and a token is not sent by itself.
			ask(t, p, "GET", "/me", "", from(byCookie)...).is(200)
			ask(t, p, "GET", "/chats", "", from(byCookie)...).is(200)
			ask(t, p, "POST", "/chats", "{}", from(bearer(ann.token))...).is(201)
			ask(t, p, "GET", "/stream?after=earliest&limit=1", "", from(bearer(ann.token))...).is(200)
		})
	}
	t.Run("a login that gives cookies", func(t *testing.T) {
		asking := fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)
		for _, from := range []with{site("cross-site"), site("same-site"), origin("https://evil.example"), origin("null")} {
			answer := ask(t, p, "POST", "/login", asking, from).problem(403, "foreign_origin")
			if len(answer.cookies) > 0 {
				answer.errorf("it was given cookies: %v", answer.cookies)
			}
		}
		form := "username=" + ann.name + "&password=" + ann.password + "&cookie=true"
		ask(t, p, "POST", "/login", form, ofKind(formKind), site("cross-site")).problem(403, "foreign_origin")
		ask(t, p, "POST", "/login", asking, site("same-origin")).is(200)
		ask(t, p, "POST", "/login", asking, site("cross-site"), origin(listed)).is(200)
		ask(t, p, "POST", "/login", ann.credentials(), site("cross-site")).is(200) // it is given none
	})
	t.Run("refresh and logout", func(t *testing.T) {
		session := ann.logInByCookie(t, p)
		ask(t, p, "POST", "/refresh", "", withCookies(session...), site("cross-site")).problem(403, "foreign_origin")
		ask(t, p, "POST", "/logout", "", withCookies(session...), site("cross-site")).problem(403, "foreign_origin")
		ask(t, p, "GET", "/me", "", withCookies(session...)).is(200)
		renewed := ask(t, p, "POST", "/refresh", "", withCookies(session...), site("same-origin")).is(200)
		ask(t, p, "POST", "/logout", "", withCookies(renewed.cookies...), site("same-origin")).is(204)
		ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, ann.refresh), site("cross-site")).is(200)
	})
	t.Run("whatever carries the cookie", func(t *testing.T) {
		body := fmt.Sprintf(`{"username":%q,"password":%q}`, madeUp("u"), newPassword())
		ask(t, p, "POST", "/users", body, withCookies(cookies...), site("cross-site")).problem(403, "foreign_origin")
		ask(t, p, "POST", "/login", ann.credentials(), withCookies(cookies...), site("cross-site")).problem(403, "foreign_origin")
	})
	t.Run("own is the host that was asked", func(t *testing.T) {
		host := func(r *http.Request) { r.Host = "parley.example" }
		ask(t, p, "POST", "/chats", "{}", withCookies(cookies...), host, origin("http://parley.example")).is(201)
		ask(t, p, "POST", "/chats", "{}", withCookies(cookies...), host, origin(p.URL)).problem(403, "foreign_origin")
		// Nobody is a proxy here, so nobody forwards a host.
		ask(t, p, "POST", "/chats", "{}", withCookies(cookies...), origin("http://evil.example"), header("X-Forwarded-Host", "evil.example")).problem(403, "foreign_origin")
	})
}

func TestContractARefreshTokenIsSpentByItsFirstUse(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	refresh := func(token string) *reply {
		t.Helper()
		return ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, token))
	}
	successor := func(token string) (refreshToken, accessToken string) {
		t.Helper()
		login := refresh(token).is(200).fields("token", "token_type", "expires_at", "refresh_token", "refresh_expires_at", "user")
		checkMoments(t, login, "expires_at", "refresh_expires_at")
		return login["refresh_token"].(string), login["token"].(string)
	}

	t.Run("it gets the same successor until that is used, then the session is over", func(t *testing.T) {
		first := ann.refresh
		second, _ := successor(first)
		if second == first {
			t.Fatal("the successor is the same token")
		}
		for range 2 {
			if again, access := successor(first); again != second {
				t.Error("a spent token got another successor")
			} else {
				ask(t, p, "GET", "/me", "", bearer(access)).is(200)
			}
		}
		third, access := successor(second)
		if again, _ := successor(second); again != third {
			t.Error("a spent token got another successor")
		}
		ask(t, p, "GET", "/me", "", bearer(access)).is(200)

		refresh(first).problem(401, "")
		refresh(third).problem(401, "")
		ask(t, p, "GET", "/me", "", bearer(access)).problem(401, "")
		ask(t, p, "GET", "/me", "", bearer(ann.token)).problem(401, "")
		ask(t, p, "GET", "/chats", "", bearer(access)).problem(401, "")
		ask(t, p, "GET", "/stream", "", bearer(access)).problem(401, "")
		answer := ask(t, p, "POST", "/chats", "{}", bearer(access)).problem(401, "")
		if challenge := answer.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("WWW-Authenticate is %q", challenge)
		}
	})
	t.Run("many at once get one successor", func(t *testing.T) {
		ann.logIn(t, p)
		answers := make([]*reply, 8)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = refresh(ann.refresh) })
		}
		all.Wait()
		for _, answer := range answers {
			if next := answer.is(200).object()["refresh_token"]; next != answers[0].object()["refresh_token"] {
				t.Error("two tabs got two successors")
			}
		}
		successor(answers[0].object()["refresh_token"].(string))
	})
	t.Run("another session of the same user lives on", func(t *testing.T) {
		ann.logIn(t, p)
		other := *ann
		other.logIn(t, p)
		second, _ := successor(other.refresh)
		successor(second)
		refresh(other.refresh).problem(401, "")
		ask(t, p, "GET", "/me", "", bearer(other.token)).problem(401, "")
		ask(t, p, "GET", "/me", "", bearer(ann.token)).is(200)
		successor(ann.refresh)
	})
	t.Run("the reuse ends the session's streams", func(t *testing.T) {
		ann.logIn(t, p)
		s := openStream(t, p, "/stream", bearer(ann.token))
		s.until("ready")
		second, _ := successor(ann.refresh)
		successor(second)
		refresh(ann.refresh).problem(401, "")
		s.untilBye("revoked")
	})
	t.Run("what is none is refused", func(t *testing.T) {
		refresh("nonsense-token").problem(401, "")
		refresh(ann.token).problem(401, "")
		ask(t, p, "POST", "/refresh", `{"refresh_token":7}`).problem(400, "").names("refresh_token")
		ask(t, p, "POST", "/refresh", `{"refresh_token":"nonsense-token","colour":"red"}`).problem(400, "").names("colour")
	})
	t.Run("by cookie it is answered by cookies", func(t *testing.T) {
		cookies := ann.logInByCookie(t, p)
		answer := ask(t, p, "POST", "/refresh", "", withCookies(cookies...)).is(200)
		login := answer.object()
		for _, name := range []string{"token", "refresh_token"} {
			if _, given := login[name]; given {
				t.Errorf("%s is in the body: %v", name, login)
			}
		}
		if len(answer.cookies) != 2 {
			t.Fatalf("the cookies are %v", answer.cookies)
		}
		for _, c := range answer.cookies {
			if c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure {
				t.Errorf("the cookie is %v", c)
			}
		}
		ask(t, p, "GET", "/me", "", withCookies(answer.cookies...)).is(200)
	})
}

func TestContractAPasswordIsTheSameInEveryFormOfItsCharacters(t *testing.T) {
	t.Parallel()
	p := serve(t)
	forms := []string{"Grüße-aus-Köln", "Gru\u0308ße-aus-Ko\u0308ln"}
	for i, made := range forms {
		name := fmt.Sprintf("forms-%d", i)
		ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":%q,"password":%q}`, name, made)).is(201)
		for _, tried := range forms {
			ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":%q,"password":%q}`, name, tried)).is(200)
		}
		ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":%q,"password":"Grusse-aus-Koln"}`, name)).problem(401, "")
	}
	// Eight characters are counted in the one form.
	ask(t, p, "POST", "/users", fmt.Sprintf(`{"username":"forms-short","password":%q}`, strings.Repeat("o\u0308", 7))).problem(400, "invalid_request")
}

func TestContractLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	stays := *ann
	stays.logIn(t, p)
	names := make(map[string]bool)
	for _, c := range ann.logInByCookie(t, p) {
		names[c.Name] = true
	}
	cleared := func(answer *reply) {
		t.Helper()
		left := make(map[string]bool)
		for _, c := range answer.cookies {
			if c.Value == "" && c.MaxAge < 0 && c.Path == "/" {
				left[c.Name] = true
			}
		}
		for name := range names {
			if !left[name] {
				answer.errorf("it does not clear %s: %v", name, answer.cookies)
			}
		}
	}

	t.Run("by access token, with its streams", func(t *testing.T) {
		chatID := makeChatOf(t, p, ann, "private")
		all, one := openStream(t, p, "/stream", bearer(ann.token)), openStream(t, p, "/chats/"+chatID+"/stream", bearer(ann.token))
		all.until("ready")
		one.until("ready")
		cleared(ask(t, p, "POST", "/logout", "", bearer(ann.token)).is(204))
		all.untilBye("revoked")
		one.untilBye("revoked")
		ask(t, p, "GET", "/me", "", bearer(ann.token)).problem(401, "")
		ask(t, p, "POST", "/chats/"+chatID+"/messages", newText(), ofKind(textKind), bearer(ann.token)).problem(401, "")
		ask(t, p, "POST", "/refresh", fmt.Sprintf(`{"refresh_token":%q}`, ann.refresh)).problem(401, "")
	})
	t.Run("by refresh token", func(t *testing.T) {
		ann.logIn(t, p)
		cleared(ask(t, p, "POST", "/logout", fmt.Sprintf(`{"refresh_token":%q}`, ann.refresh)).is(204))
		ask(t, p, "GET", "/me", "", bearer(ann.token)).problem(401, "")
	})
	t.Run("by cookies", func(t *testing.T) {
		cookies := ann.logInByCookie(t, p)
		cleared(ask(t, p, "POST", "/logout", "", withCookies(cookies...)).is(204))
		ask(t, p, "GET", "/me", "", withCookies(cookies...)).problem(401, "")
		ask(t, p, "POST", "/refresh", "", withCookies(cookies...)).problem(401, "")
	})
	t.Run("by the cookie of either token", func(t *testing.T) {
		for i := range 2 {
			cookies := ann.logInByCookie(t, p)
			cleared(ask(t, p, "POST", "/logout", "", withCookies(cookies[i])).is(204))
			ask(t, p, "GET", "/me", "", withCookies(cookies...)).problem(401, "")
		}
	})
	t.Run("cookies that are worth nothing are cleared too", func(t *testing.T) {
		for name := range names {
			cleared(ask(t, p, "POST", "/logout", "", withCookies(&http.Cookie{Name: name, Value: "nonsense-token"})))
		}
		cleared(ask(t, p, "POST", "/logout", ""))
	})
	t.Run("an empty body is none, and a bad one keeps no session alive", func(t *testing.T) {
		for body, status := range map[string]int{"": 204, "rubbish": 400, `{"all":true}`: 400} {
			cookies := ann.logInByCookie(t, p)
			cleared(ask(t, p, "POST", "/logout", body, withCookies(cookies...), ofKind(jsonKind)).is(status))
			ask(t, p, "GET", "/me", "", withCookies(cookies...)).problem(401, "")
		}
	})
	t.Run("another session lives on", func(t *testing.T) {
		ask(t, p, "GET", "/me", "", bearer(stays.token)).is(200)
	})
}

func TestContractCookiesOverHTTPSAreBoundToTheHost(t *testing.T) {
	t.Parallel()
	p := serve(t, "--trusted-proxies", "127.0.0.1/32", "--signup", "open")
	proto, host := header("X-Forwarded-Proto", "https"), header("X-Forwarded-Host", "chat.example")
	by := func(r *http.Request) { proto(r); host(r); r.Header.Set("X-Forwarded-For", "192.0.2.7") }
	ann := newAccount(t, p)
	asking := fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, ann.name, ann.password)
	secure := ask(t, p, "POST", "/login", asking, by).is(200).cookies
	if len(secure) != 2 {
		t.Fatalf("the cookies are %v", secure)
	}
	for _, c := range secure {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			t.Errorf("the cookie is %v", c)
		}
	}
	ask(t, p, "GET", "/me", "", withCookies(secure...), by).is(200)

	t.Run("but not for whoever is no trusted proxy", func(t *testing.T) {
		p := serve(t)
		bob := newAccount(t, p)
		asking := fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, bob.name, bob.password)
		for _, c := range ask(t, p, "POST", "/login", asking, by).is(200).cookies {
			if strings.HasPrefix(c.Name, "__Host-") || c.Secure {
				t.Errorf("the cookie is %v", c)
			}
		}
	})
	t.Run("only those names are read", func(t *testing.T) {
		var bare []*http.Cookie
		for _, c := range secure {
			bare = append(bare, &http.Cookie{Name: strings.TrimPrefix(c.Name, "__Host-"), Value: c.Value})
		}
		ask(t, p, "GET", "/me", "", withCookies(bare...), by).problem(401, "")
		if answer := ask(t, p, "POST", "/refresh", "", withCookies(bare...), by); answer.status < 400 {
			answer.errorf("it was refreshed by a cookie without the prefix")
		}
	})
	t.Run("own is the forwarded host", func(t *testing.T) {
		ask(t, p, "POST", "/chats", "{}", withCookies(secure...), by, header("Origin", "https://chat.example")).is(201)
		ask(t, p, "POST", "/chats", "{}", withCookies(secure...), by, header("Origin", p.URL)).problem(403, "foreign_origin")
	})
	t.Run("they are renewed and cleared under those names", func(t *testing.T) {
		renewed := ask(t, p, "POST", "/refresh", "", withCookies(secure...), by).is(200).cookies
		for _, c := range append(renewed, ask(t, p, "POST", "/logout", "", withCookies(renewed...), by).is(204).cookies...) {
			if strings.HasPrefix(c.Name, "__Host-") && !c.Secure {
				t.Errorf("the cookie is %v", c)
			}
		}
		if len(renewed) != 2 || !strings.HasPrefix(renewed[0].Name, "__Host-") || !strings.HasPrefix(renewed[1].Name, "__Host-") {
			t.Errorf("the cookies are %v", renewed)
		}
	})
}

func TestContractSignUpIsClosedToStrangers(t *testing.T) {
	t.Parallel()
	body := func() string { return fmt.Sprintf(`{"username":%q,"password":%q}`, madeUp("u"), newPassword()) }
	t.Run("where it is closed", func(t *testing.T) {
		p := serve(t, "--signup", "closed")
		ask(t, p, "POST", "/users", body()).problem(403, "signup_closed")
	})
	t.Run("behind trusted proxies", func(t *testing.T) {
		p := serve(t, "--trusted-proxies", "127.0.0.1/32")
		ask(t, p, "POST", "/users", body()).problem(403, "signup_closed")
	})
	t.Run("who come through a proxy that nobody announced", func(t *testing.T) {
		p := serve(t)
		for _, forwarded := range []with{header("X-Forwarded-For", "192.0.2.7"), header("Forwarded", "for=192.0.2.7"), header("X-Forwarded-Host", "chat.example"), header("X-Forwarded-Proto", "https")} {
			ask(t, p, "POST", "/users", body(), forwarded).problem(403, "signup_closed")
		}
		ask(t, p, "POST", "/users", body()).is(201)
	})
	t.Run("whose page took a name that leads here", func(t *testing.T) {
		p := serve(t, "--origins", "https://chat.example")
		page := func(host string) with {
			return func(r *http.Request) {
				r.Host = host
				r.Header.Set("Origin", "http://"+host)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			}
		}
		ask(t, p, "POST", "/users", body(), page("rebind.example")).problem(421, "misdirected")
		ask(t, p, "GET", "/metrics", "", page("rebind.example")).problem(421, "misdirected")
		ask(t, p, "GET", "/readyz", "", page("rebind.example")).is(200)
		for _, host := range []string{"localhost:8080", "127.0.0.2", "[::1]:8080", "chat.example"} {
			ask(t, p, "POST", "/users", body(), page(host)).is(201)
			ask(t, p, "GET", "/metrics", "", page(host)).is(200)
		}
	})
}

func TestContractAUsernameIsNeverUsedAgain(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", data)
	ann := newAccount(t, p)
	printed, err := exec.Command(binary(t), "user", "disable", ann.name, "--data", data).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	if err := keep("out", string(printed)); err != nil {
		t.Fatal(err)
	}
	ask(t, p, "POST", "/users", ann.credentials()).problem(409, "username_taken")
}

func TestContractEveryFailureIsAProblemDocument(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	chatID := makeChatOf(t, p, ann, "private")
	as := bearer(ann.token)

	t.Run("no such route", func(t *testing.T) {
		ask(t, p, "GET", "/nowhere", "").problem(404, "")
		ask(t, p, "GET", "/nowhere", "", as).problem(404, "")
		ask(t, p, "GET", "/chats/"+chatID+"/nowhere", "", as).problem(404, "")
	})
	t.Run("no such method", func(t *testing.T) {
		for path, allowed := range map[string][]string{
			"/login": {"POST"}, "/users": {"POST"}, "/me": {"GET"}, "/messages": {"POST"}, "/stream": {"GET"}, "/chats": {"GET", "POST"},
			"/chats/" + chatID: {"GET", "PATCH", "DELETE"}, "/chats/" + chatID + "/messages": {"GET", "POST"},
		} {
			answer := ask(t, p, "PUT", path, "", as).problem(405, "")
			for _, method := range allowed {
				if !strings.Contains(answer.header.Get("Allow"), method) {
					answer.errorf("Allow is %q", answer.header.Get("Allow"))
				}
			}
		}
	})
	t.Run("a body of another type", func(t *testing.T) {
		for _, route := range []string{"/login", "/users", "/refresh", "/chats", "/messages", "/chats/" + chatID + "/messages"} {
			answer := ask(t, p, "POST", route, "<text>"+newText()+"</text>", ofKind("application/xml"), as).problem(415, "")
			if detail := fmt.Sprint(answer.object()["detail"]); !strings.Contains(detail, "Content-Type") {
				answer.errorf("the detail does not name the header to send")
			}
		}
		// Only the chat's own messages take text.
		ask(t, p, "POST", "/messages", newText(), ofKind(textKind), as).problem(415, "")
	})
	t.Run("an Accept that is not offered", func(t *testing.T) {
		for _, path := range []string{"/me", "/chats", "/chats/" + chatID, "/chats/" + chatID + "/members", "/chats/" + chatID + "/messages", "/stream"} {
			ask(t, p, "GET", path, "", as, header("Accept", "image/png")).problem(406, "")
		}
		ask(t, p, "POST", "/login", ann.credentials(), header("Accept", "image/png")).problem(406, "")
		for _, accept := range []string{"*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "application/json; charset=utf-8"} {
			ask(t, p, "GET", "/me", "", as, header("Accept", accept)).is(200)
		}
		ask(t, p, "GET", "/me", "", as, header("Accept", "application/json;q=0")).problem(406, "")
		ask(t, p, "GET", "/me", "", as, header("Accept", textKind)).problem(406, "")
		// What cannot be answered is not done.
		id, text := madeUp("c"), newText()
		ask(t, p, "POST", "/chats", fmt.Sprintf(`{"id":%q}`, id), as, header("Accept", "image/png")).problem(406, "")
		ask(t, p, "GET", "/chats/"+id, "", as).problem(404, "")
		ask(t, p, "POST", "/chats/"+chatID+"/messages", text, ofKind(textKind), as, header("Accept", "image/png")).problem(406, "")
		if said := ask(t, p, "GET", "/chats/"+chatID+"/messages", "", as).is(200); strings.Contains(string(said.body), text) {
			said.errorf("a refused message was posted")
		}
	})
	t.Run("a body over 128 KiB", func(t *testing.T) {
		fits := ann.credentials() + strings.Repeat(" ", 128<<10-len(ann.credentials()))
		ask(t, p, "POST", "/login", fits).is(200)
		ask(t, p, "POST", "/login", fits+" ").problem(413, "")
		ask(t, p, "POST", "/login", fits+" ", func(r *http.Request) { r.ContentLength = -1 }).problem(413, "")
		text := newText()
		ask(t, p, "POST", "/chats/"+chatID+"/messages", text+strings.Repeat(" ", 128<<10+1-len(text)), ofKind(textKind), as).problem(413, "")
		ask(t, p, "POST", "/chats", `{"title":"Lobby"}`+strings.Repeat(" ", 128<<10), as).problem(413, "")
	})
	t.Run("a query value that is no good", func(t *testing.T) {
		for _, path := range []string{
			"/chats?visibility=secret",
			"/chats/" + chatID + "/messages?limit=many", "/chats/" + chatID + "/messages?limit=-1",
			"/stream?limit=many", "/stream?limit=-1", "/stream?timeout=soon", "/stream?timeout=-5s", "/stream?errors=loud",
			"/chats/" + chatID + "/stream?limit=many", "/chats/" + chatID + "/stream?timeout=soon",
		} {
			ask(t, p, "GET", path, "", as).problem(400, "")
		}
	})
}
