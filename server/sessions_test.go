package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/auth"
)

// forge signs claims as the service does, with a key and an algorithm of the
// test's choice.
func forge(key []byte, alg string, claims map[string]any) string {
	part := func(v any) string {
		data, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	signed := part(map[string]string{"alg": alg, "typ": "at+jwt"}) + "." + part(claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	if alg == "none" {
		return signed + "."
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// claimsOf reads what a token says.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := make(map[string]any)
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestNoTokenButAGoodOneOpensAnything(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	token := h.logIn("ann").Token
	key := auth.DeriveKey([]byte(secret), "access token")
	changed := func(name string, value any) map[string]any {
		claims := claimsOf(t, token)
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	same := claimsOf(t, token)
	h.do("GET", "/me", "", bearer(forge(key, "HS256", same))...).want(200)
	h.do("GET", "/me", "", "Authorization", "bEARER "+token).want(200)

	for name, headers := range map[string][]string{
		"none":                  nil,
		"another scheme":        {"Authorization", "Basic YTpi"},
		"expired":               bearer(forge(key, "HS256", changed("exp", time.Now().Add(-time.Second).Unix()))),
		"without an end":        bearer(forge(key, "HS256", changed("exp", nil))),
		"another key":           bearer(forge(make([]byte, 32), "HS256", same)),
		"an empty key":          bearer(forge(nil, "HS256", same)),
		"alg none":              bearer(forge(key, "none", same)),
		"another alg":           bearer(forge(key, "HS512", same)),
		"without a subject":     bearer(forge(key, "HS256", changed("sub", nil))),
		"a subject of no name":  bearer(forge(key, "HS256", changed("sub", 7))),
		"without a session":     bearer(forge(key, "HS256", changed("sid", nil))),
		"an unknown session":    bearer(forge(key, "HS256", changed("sid", "nobody"))),
		"somebody else's":       bearer(forge(key, "HS256", changed("sub", "bob"))),
		"another issuer":        bearer(forge(key, "HS256", changed("iss", "else"))),
		"rubbish in the header": with(h.cookies("ann"), "Authorization", "Bearer x y"),
	} {
		for _, path := range []string{"/me", "/chats", "/stream"} {
			a := h.do("GET", path, "", headers...)
			if a.status != 401 || a.header.Get("WWW-Authenticate") == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s with a token that is %s: %d %s", path, name, a.status, a.body)
			}
		}
	}
	for _, name := range []string{"token", "access_token", "jwt", "refresh_token"} {
		for _, path := range []string{"/stream", "/me", "/healthz", "/nowhere"} {
			h.do("GET", path+"?"+name+"="+token, "", bearer(token)...).refused(400, "token_in_url")
		}
	}
}

func TestALoginGivesItsTokensInTheBodyOrInCookiesAndNeverInBoth(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	inBody := h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).want(200)
	var l login
	inBody.into(&l)
	if len(inBody.cookies()) != 0 || l.Token == "" || l.RefreshToken == "" || l.TokenType != "Bearer" || inBody.header.Get("Cache-Control") != "no-store" {
		t.Errorf("not tokens in the body alone: %s %v", inBody.body, inBody.header)
	}
	h.secrets = append(h.secrets, l.Token, l.RefreshToken)

	inCookies := h.do("POST", "/login", `{"username":"ann","password":"`+password+`","cookie":true}`, "Content-Type", asJSON).want(200)
	if strings.Contains(inCookies.body, "token") || !strings.Contains(inCookies.body, "expires_at") {
		t.Errorf("a token beside the cookies: %s", inCookies.body)
	}
	cookies := inCookies.cookies()
	if len(cookies) != 2 {
		t.Fatalf("%d cookies", len(cookies))
	}
	for _, ck := range cookies {
		if !ck.HttpOnly || ck.Path != "/" || ck.SameSite != http.SameSiteLaxMode || ck.Secure || ck.MaxAge <= 0 {
			t.Errorf("not a cookie as it should be: %v", ck)
		}
	}
	h.do("GET", "/me", "", "Cookie", inCookies.cookieHeader()).want(200)

	alone := h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm, "Accept", "text/plain").want(200)
	h.secrets = append(h.secrets, alone.body)
	h.do("GET", "/me", "", bearer(alone.body)...).want(200)
	h.do("POST", "/login", "cookie=true&username=ann&password="+password, "Content-Type", asForm, "Accept", "text/plain").refused(406, "not_acceptable")

	h.do("POST", "/login", "username=ann&password=wrong-horse", "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/login", "username=nobody&password=wrong-horse", "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/login", "username=%00&password=wrong-horse", "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/users", "username=ann&password="+password, "Content-Type", asForm).refused(409, "username_taken")
}

func TestASpentRefreshTokenEndsItsSessionEverywhere(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	refresh := func(token string) answer {
		return h.do("POST", "/refresh", "refresh_token="+token, "Content-Type", asForm)
	}
	first := h.logIn("ann")
	var second, again, third login
	refresh(first.RefreshToken).want(200).into(&second)
	refresh(first.RefreshToken).want(200).into(&again)
	if second.RefreshToken != again.RefreshToken || second.RefreshToken == first.RefreshToken {
		t.Error("the same token twice within its grace does not give one successor")
	}
	refresh(second.RefreshToken).want(200).into(&third)
	h.secrets = append(h.secrets, second.Token, second.RefreshToken, third.Token, third.RefreshToken)
	h.do("GET", "/me", "", bearer(third.Token)...).want(200)

	refresh(first.RefreshToken).refused(401, "invalid_refresh_token")
	refresh(third.RefreshToken).refused(401, "invalid_refresh_token")
	h.do("GET", "/me", "", bearer(third.Token)...).refused(401, "session_ended")
	refresh("rubbish").refused(401, "invalid_refresh_token")
}

func TestARefreshByCookieAnswersInCookies(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	ann := h.cookies("ann")
	a := h.do("POST", "/refresh", "", ann...).want(200)
	if len(a.cookies()) != 2 || strings.Contains(a.body, "token") {
		t.Errorf("not in cookies alone: %s", a.body)
	}
	h.do("GET", "/me", "", "Cookie", a.cookieHeader()).want(200)
	// Who says by a header who he is does not refresh somebody else's cookie.
	h.do("POST", "/refresh", "", with(ann, "Authorization", "Bearer x")...).refused(400, "invalid_request", "refresh_token")
}

func TestALogoutEndsTheSessionByEveryCredential(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	key := auth.DeriveKey([]byte(secret), "access token")
	ended := func(l login) {
		t.Helper()
		h.do("GET", "/me", "", bearer(l.Token)...).refused(401, "session_ended")
	}
	cleared := func(a answer) {
		t.Helper()
		cookies := a.cookies()
		if len(cookies) != 2 || cookies[0].MaxAge >= 0 || cookies[1].MaxAge >= 0 {
			t.Errorf("%s: %d: the cookies are not cleared: %v", a.asked, a.status, cookies)
		}
	}
	byAccess := h.logIn("ann")
	cleared(h.do("POST", "/logout", "", bearer(byAccess.Token)...).want(204))
	ended(byAccess)
	cleared(h.do("POST", "/logout", "", bearer(byAccess.Token)...).want(204))

	byRefresh := h.logIn("ann")
	cleared(h.do("POST", "/logout", `{"refresh_token":"`+byRefresh.RefreshToken+`"}`, "Content-Type", asJSON).want(204))
	ended(byRefresh)

	byExpired := h.logIn("ann")
	claims := claimsOf(t, byExpired.Token)
	claims["exp"] = time.Now().Add(-time.Hour).Unix()
	cleared(h.do("POST", "/logout", "", bearer(forge(key, "HS256", claims))...).want(204))
	ended(byExpired)

	byCookie := h.cookies("ann")
	cleared(h.do("POST", "/logout", "", byCookie...).want(204))
	h.do("GET", "/me", "", byCookie...).refused(401, "session_ended")
	h.do("POST", "/refresh", "", byCookie...).refused(401, "invalid_refresh_token")
	cleared(h.do("POST", "/logout", "", byCookie...).want(204))

	refreshAlone := h.cookies("ann")
	_, value, _ := strings.Cut(refreshAlone[1], "parley_refresh=")
	cleared(h.do("POST", "/logout", "", "Cookie", "parley_refresh="+value).want(204))
	h.do("GET", "/me", "", refreshAlone...).refused(401, "session_ended")

	cleared(h.do("POST", "/logout", "", "Cookie", "parley_token=rubbish").want(204))
	cleared(h.do("POST", "/logout", "").refused(401, "unauthenticated"))
	cleared(h.do("POST", "/logout", "", bearer(forge(make([]byte, 32), "HS256", claims))...).refused(401, "invalid_token"))
}

func TestALogoutThatClearsCookiesHasEndedTheirSessions(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	for _, row := range []struct {
		name, kind, body string
		headers          []string
		status           int
	}{
		{"an empty body", asJSON, "", nil, 204},
		{"a body that is no JSON", asJSON, "rubbish", nil, 400},
		{"an unknown field", asJSON, `{"all":true}`, nil, 400},
		{"another type", "image/png", "x", nil, 415},
		{"a refresh token of nobody", asJSON, `{"refresh_token":"rubbish"}`, nil, 204},
		{"a refresh token of another session", asJSON, `{"refresh_token":"` + h.logIn("ann").RefreshToken + `"}`, nil, 204},
		{"a token of another session", "", "", bearer(h.logIn("ann").Token), 204},
		{"a token of nobody", "", "", bearer("x.y.z"), 204},
	} {
		for _, left := range []string{"parley_token=", "parley_refresh=", ""} {
			both := h.cookies("ann")
			sent := []string{"Cookie", both[1]}
			if left != "" {
				for pair := range strings.SplitSeq(both[1], "; ") {
					if strings.HasPrefix(pair, left) {
						sent[1] = pair
					}
				}
			}
			sent = with(sent, row.headers...)
			if row.kind != "" {
				sent = with(sent, "Content-Type", row.kind)
			}
			a := h.do("POST", "/logout", row.body, sent...).want(row.status)
			if len(a.cookies()) != 2 {
				t.Errorf("%s, %s: the cookies are not cleared", row.name, sent[1])
			}
			if got := h.do("GET", "/me", "", both...).status; got != 401 {
				t.Errorf("%s, %s: the session lives on: %d", row.name, sent[1], got)
			}
		}
	}
}

func TestALogoutEndsTheSessionsOpenStreams(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	l := h.logIn("ann")
	s := h.follow("/stream", bearer(l.Token)...)
	s.until("event: ready")
	h.do("POST", "/logout", "", bearer(l.Token)...).want(204)
	s.until(`{"reason":"revoked"}`)
}

func TestAForeignPageGetsNothingByCookie(t *testing.T) {
	t.Parallel()
	const listed = "https://listed.example"
	h := open(t, func(s *settings) { s.Origins = listed })
	ann := h.user("ann")
	h.chat("lobby", ann)
	ck := h.cookies("ann")
	host := strings.TrimPrefix(h.url, "http://")
	foreign := [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "null"},
	}
	own := [][]string{
		nil,
		{"Sec-Fetch-Site", "same-origin", "Origin", "https://anything.example"},
		{"Sec-Fetch-Site", "none"},
		{"Origin", "http://" + host},
		{"Origin", listed},
		{"Sec-Fetch-Site", "cross-site", "Origin", listed},
	}
	text := "text/plain"
	for _, page := range foreign {
		h.do("POST", "/chats/lobby/messages", "hello", with(with(ck, page...), "Content-Type", text)...).refused(403, "foreign_origin")
		h.do("PUT", "/chats/lobby/members/ann", "", with(ck, page...)...).refused(403, "foreign_origin")
		h.do("GET", "/stream", "", with(ck, page...)...).refused(403, "foreign_origin")
		h.do("GET", "/chats/lobby/stream", "", with(ck, page...)...).refused(403, "foreign_origin")
		h.do("POST", "/logout", "", with(ck, page...)...).refused(403, "foreign_origin")
		h.do("POST", "/logout", "", with(with(ck, ann...), page...)...).refused(403, "foreign_origin")
		h.do("POST", "/refresh", "", with(ck, page...)...).refused(403, "foreign_origin")
		a := h.do("POST", "/login", "cookie=true&username=ann&password="+password, with(page, "Content-Type", asForm)...).refused(403, "foreign_origin")
		if len(a.cookies()) != 0 {
			t.Errorf("a foreign page was given cookies: %v", page)
		}
		// What needs no cookie, or changes nothing, is not asked where it comes from.
		h.do("GET", "/me", "", with(ck, page...)...).want(200)
		h.do("POST", "/chats/lobby/messages", "hello", with(with(ann, page...), "Content-Type", text)...).want(201)
	}
	for _, page := range own {
		h.do("POST", "/chats/lobby/messages", "hello", with(with(ck, page...), "Content-Type", text)...).want(201)
		h.follow("/stream?timeout=20ms", with(ck, page...)...).until("bye")
	}
}

func TestOnlyListedOriginsMayReadAnswers(t *testing.T) {
	t.Parallel()
	const listed = "https://listed.example"
	h := open(t, func(s *settings) { s.Origins = listed })
	for _, row := range []struct{ origin, allowed string }{{listed, listed}, {"https://evil.example", ""}, {"null", ""}} {
		a := h.do("OPTIONS", "/messages", "", "Origin", row.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if got := a.header.Get("Access-Control-Allow-Origin"); got != row.allowed {
			t.Errorf("preflight of %s: allowed %q", row.origin, got)
		}
		a = h.do("GET", "/me", "", "Origin", row.origin)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != row.allowed {
			t.Errorf("%s: allowed %q", row.origin, got)
		}
		if got := a.header.Get("Access-Control-Allow-Credentials"); (got == "true") != (row.allowed != "") {
			t.Errorf("%s: credentials %q", row.origin, got)
		}
	}
}

func TestBehindATrustedProxyCookiesAreSecure(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.TrustedProxies, s.Signup = "127.0.0.1", "open" })
	h.user("ann")
	proxy := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "chat.example", "Content-Type", asForm}
	a := h.do("POST", "/login", "cookie=true&username=ann&password="+password, with(proxy, "Origin", "https://chat.example")...).want(200)
	for _, ck := range a.cookies() {
		if !strings.HasPrefix(ck.Name, "__Host-") || !ck.Secure {
			t.Errorf("not a secure cookie: %v", ck)
		}
	}
	h.do("GET", "/me", "", with(proxy, "Cookie", a.cookieHeader())...).want(200)
	plain := strings.ReplaceAll(a.cookieHeader(), "__Host-", "")
	h.do("GET", "/me", "", with(proxy, "Cookie", plain)...).refused(401, "unauthenticated")
}

// A browser sends the cookies of a host to each of its ports.
func TestTwoServicesOnOneHostKeepTheirCookiesApart(t *testing.T) {
	t.Parallel()
	proxy := func(s *settings) { s.TrustedProxies, s.Signup = "127.0.0.1", "open" }
	for _, scheme := range []string{"http", "https"} {
		by := []string{"X-Forwarded-Proto", scheme}
		one, two := open(t, proxy), open(t, proxy, func(s *settings) { s.CookieName = "two" })
		jar := make(map[string]string)
		keep := func(a answer) {
			for _, ck := range a.cookies() {
				if jar[ck.Name] = ck.Value; ck.MaxAge < 0 {
					delete(jar, ck.Name)
				}
				if strings.HasPrefix(ck.Name, "__Host-") != (scheme == "https") {
					t.Errorf("over %s: %v", scheme, ck)
				}
			}
		}
		sent := func() []string {
			var pairs []string
			for name, value := range jar {
				pairs = append(pairs, name+"="+value)
			}
			return with(by, "Cookie", strings.Join(pairs, "; "))
		}
		for _, h := range []*house{one, two} {
			h.user("ann")
			keep(h.do("POST", "/login", "cookie=true&username=ann&password="+password, with(sent(), "Content-Type", asForm)...).want(200))
		}
		one.do("GET", "/me", "", sent()...).want(200)
		keep(two.do("POST", "/refresh", "", sent()...).want(200))
		keep(two.do("POST", "/logout", "", sent()...).want(204))
		two.do("GET", "/me", "", sent()...).refused(401, "unauthenticated")
		one.do("GET", "/me", "", sent()...).want(200)
	}
}
