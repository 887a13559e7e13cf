package middleware_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v4"

	"parley/chat"
	"parley/middleware"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// claims are those of a good token; change makes them others.
func claims(change func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"iss": "parley", "aud": "parley", "sub": "ann", "sid": "s1", "jti": "j1", "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix()}
	if change != nil {
		change(c)
	}
	return c
}

func forge(t testing.TB, method jwt.SigningMethod, key any, c jwt.Claims) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(method, c)
	unsigned.Header["typ"] = "at+jwt"
	token, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// raw signs any header and payload with the right key.
func raw(header, payload string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, testKey)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// whoami answers with the actor, so that a test sees for whom a request passed.
func whoami(c *gin.Context) {
	actor := middleware.ActorOf(c)
	c.String(http.StatusOK, "%s %s %v", actor.Username, actor.Session, middleware.ByCookie(c))
}

func TestATokenSpeaksForItsSubjectUntilItEnds(t *testing.T) {
	h := build(t, housing{})
	h.withUser.GET("/me", whoami)
	h.advance(700 * time.Millisecond)
	token, expires, err := h.tokens.Sign("ann", "s1")
	if err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(10 * time.Minute); !expires.Equal(want) {
		t.Errorf("expires %v, want the whole second %v", expires, want)
	}
	actor, err := h.tokens.Verify(token)
	if want := (chat.Actor{Username: "ann", Session: "s1", Issued: chat.NewTime(noon), Expires: chat.NewTime(expires)}); err != nil || actor != want {
		t.Errorf("actor %+v, %v, want %+v", actor, err, want)
	}
	h.advance(expires.Sub(h.clock()) - time.Millisecond)
	if w := h.ask("GET", "/me", nil, "Authorization", "Bearer "+token); w.Body.String() != "ann s1 false" {
		t.Errorf("just before its end: %d %s", w.Code, w.Body)
	}
	h.advance(time.Millisecond)
	wantProblem(t, h.ask("GET", "/me", nil, "Authorization", "Bearer "+token), 401, "invalid_token")
}

func TestATokenOfAnInstanceWhoseClockIsAheadIsGood(t *testing.T) {
	h := build(t, housing{})
	ahead := claims(func(c jwt.MapClaims) { c["iat"] = noon.Add(3 * time.Second).Unix() })
	if _, err := h.tokens.Verify(forge(t, jwt.SigningMethodHS256, testKey, ahead)); err != nil {
		t.Error(err)
	}
}

func TestATokenFromTooFarAheadIsRefusedAndTold(t *testing.T) {
	h := build(t, housing{})
	issued := func(at time.Duration) string {
		return forge(t, jwt.SigningMethodHS256, testKey, claims(func(c jwt.MapClaims) {
			c["iat"], c["exp"] = noon.Add(at).Unix(), noon.Add(at+10*time.Minute).Unix()
		}))
	}
	if _, err := h.tokens.Verify(issued(middleware.Leeway)); err != nil || h.log.String() != "" {
		t.Errorf("within the leeway: %v, logged %q", err, h.log)
	}
	anHour := issued(time.Hour)
	for range 3 {
		if _, err := h.tokens.Verify(anHour); !errors.Is(err, middleware.ErrInvalidToken) {
			t.Errorf("an hour ahead: %v", err)
		}
	}
	if log := h.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "ahead=1h0m0s") || strings.Contains(log, anHour) {
		t.Errorf("logged %q", log)
	}
	h.advance(time.Hour)
	if _, err := h.tokens.Verify(anHour); err != nil {
		t.Errorf("when its time has come: %v", err)
	}
}

func TestASignedTokenSaysWhatItIsAndWhomItIsFor(t *testing.T) {
	h := build(t, housing{})
	seen := map[any]bool{}
	for range 2 {
		token, _, err := h.tokens.Sign("ann", "s1")
		if err != nil {
			t.Fatal(err)
		}
		said := jwt.MapClaims{}
		parsed, _, err := jwt.NewParser().ParseUnverified(token, said)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Header["typ"] != "at+jwt" || parsed.Header["alg"] != "HS256" || len(parsed.Header) != 2 {
			t.Errorf("header %v", parsed.Header)
		}
		if len(said) != 7 || said["iss"] != "parley" || said["aud"] != "parley" || said["sub"] != "ann" || said["sid"] != "s1" ||
			said["iat"] != float64(noon.Unix()) || said["exp"] != float64(noon.Add(10*time.Minute).Unix()) {
			t.Errorf("claims %v", said)
		}
		seen[said["jti"]] = true
	}
	if len(seen) != 2 {
		t.Errorf("two tokens of one second have the ids %v", seen)
	}
}

func TestThePreviousKeyVerifiesAndSignsNothing(t *testing.T) {
	previous := []byte("fedcba9876543210fedcba9876543210")
	of := func(keys ...[]byte) *middleware.Tokens {
		tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: keys, TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	sign := func(tokens *middleware.Tokens) string {
		token, _, err := tokens.Sign("ann", "s1")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	before, rotated, after := of(previous), of(testKey, previous), of(testKey)
	if actor, err := rotated.Verify(sign(before)); err != nil || actor.Username != "ann" {
		t.Errorf("a token from before: %+v, %v", actor, err)
	}
	if session, err := rotated.Session(t.Context(), sign(before)); err != nil || session != "s1" {
		t.Errorf("its session: %q, %v", session, err)
	}
	if _, err := after.Verify(sign(rotated)); err != nil {
		t.Errorf("the rotated one signs with %v", err)
	}
	for name, wrong := range map[string]func() (chat.Actor, error){
		"before the rotation, a new token":     func() (chat.Actor, error) { return before.Verify(sign(rotated)) },
		"without the previous key, an old one": func() (chat.Actor, error) { return after.Verify(sign(before)) },
	} {
		if _, err := wrong(); !errors.Is(err, middleware.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryBadTokenIs401WithAChallenge(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(change func(jwt.MapClaims)) string {
		return forge(t, jwt.SigningMethodHS256, testKey, claims(change))
	}
	set := func(name string, value any) string {
		return hs256(func(c jwt.MapClaims) { c[name] = value })
	}
	without := func(name string) string {
		return hs256(func(c jwt.MapClaims) { delete(c, name) })
	}
	const header = `{"alg":"HS256","typ":"at+jwt"}`
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	with := func(member string) string { return raw(header, string(payload[:len(payload)-1])+","+member+"}") }
	headed := func(h string) string { return raw(h, string(payload)) }
	good := set("sub", "ann")
	parts := strings.Split(good, ".")
	bad := map[string]string{
		"alg none":               forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)),
		"alg none, old sig":      raw(`{"alg":"none"}`, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999}`),
		"alg in lower case":      raw(`{"alg":"hs256"}`, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999}`),
		"alg a number":           raw(`{"alg":1}`, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999}`),
		"no alg":                 raw(`{}`, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999}`),
		"header null":            raw(`null`, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999}`),
		"HS384, same key":        forge(t, jwt.SigningMethodHS384, testKey, claims(nil)),
		"HS512, same key":        forge(t, jwt.SigningMethodHS512, testKey, claims(nil)),
		"RS256":                  forge(t, jwt.SigningMethodRS256, rsaKey, claims(nil)),
		"other key":              forge(t, jwt.SigningMethodHS256, []byte("another key of thirty-two bytes!!"), claims(nil)),
		"empty key":              forge(t, jwt.SigningMethodHS256, []byte{}, claims(nil)),
		"no signature":           parts[0] + "." + parts[1] + ".",
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             good + ".x",
		"changed payload":        parts[0] + "." + parts[1][1:] + "." + parts[2],
		"no sub":                 without("sub"),
		"empty sub":              set("sub", ""),
		"sub a number":           set("sub", 7),
		"sub null":               set("sub", nil),
		"sub a list":             set("sub", []string{"ann"}),
		"sub an object":          set("sub", map[string]string{"ann": "ann"}),
		"sub no username":        set("sub", "Ann Other"),
		"no sid":                 without("sid"),
		"empty sid":              set("sid", ""),
		"sid a number":           set("sid", 7),
		"no iss":                 without("iss"),
		"another iss":            set("iss", "elsewhere"),
		"iss a list":             set("iss", []string{"parley"}),
		"no aud":                 without("aud"),
		"another aud":            set("aud", "elsewhere"),
		"aud a list":             set("aud", []string{"parley"}),
		"no jti":                 without("jti"),
		"empty jti":              set("jti", ""),
		"jti a number":           set("jti", 7),
		"no iat":                 without("iat"),
		"iat a fraction":         set("iat", 1.5),
		"an nbf":                 set("nbf", 1),
		"a claim of no use":      set("scope", "admin"),
		"sub twice":              with(`"sub":"bob"`),
		"exp twice":              with(`"exp":99999999999`),
		"SUB in capitals, too":   with(`"SUB":"bob"`),
		"no typ":                 headed(`{"alg":"HS256"}`),
		"typ JWT":                headed(`{"alg":"HS256","typ":"JWT"}`),
		"typ twice":              headed(`{"alg":"HS256","typ":"at+jwt","typ":"at+jwt"}`),
		"a kid":                  headed(`{"alg":"HS256","typ":"at+jwt","kid":"../../dev/null"}`),
		"a jku":                  headed(`{"alg":"HS256","typ":"at+jwt","jku":"http://127.0.0.1/keys"}`),
		"a crit":                 headed(`{"alg":"HS256","typ":"at+jwt","crit":["b64"],"b64":true}`),
		"no exp":                 without("exp"),
		"exp null":               set("exp", nil),
		"exp past":               set("exp", noon.Add(-time.Second).Unix()),
		"exp now":                set("exp", noon.Unix()),
		"exp negative":           set("exp", -1),
		"exp a string":           set("exp", "99999999999"),
		"exp a bool":             set("exp", true),
		"exp an object":          set("exp", map[string]int{"a": 1}),
		"exp beyond int64":       raw(header, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":1e300}`),
		"exp a fraction":         raw(header, `{"iss":"parley","aud":"parley","sub":"ann","sid":"s1","jti":"j1","iat":1,"exp":99999999999.5}`),
		"payload null":           raw(header, `null`),
		"payload a list":         raw(header, `[]`),
		"payload a string":       raw(header, `"ann"`),
		"payload broken":         raw(header, `{"iss":`),
		"payload empty":          raw(header, ``),
		"no JWT":                 "abc",
		"dots":                   "..",
		"a refresh token's form": "s1.0." + strings.Repeat("A", 43),
	}
	h := build(t, housing{})
	h.withUser.GET("/me", whoami)
	wantOK(t, h.ask("GET", "/me", nil, "Authorization", "Bearer "+good))
	wantOK(t, h.ask("GET", "/me", nil, "Authorization", "Bearer "+headed(header)))
	for name, token := range bad {
		t.Run(name, func(t *testing.T) {
			for _, head := range [][2]string{{"Authorization", "Bearer " + token}, {"Cookie", "parley_token=" + token}} {
				w := h.ask("GET", "/me", nil, head[0], head[1])
				doc := wantProblem(t, w, 401, "invalid_token")
				if got := w.Header().Values("WWW-Authenticate"); len(got) != 1 || !strings.Contains(got[0], `error="invalid_token"`) {
					t.Errorf("WWW-Authenticate %q", got)
				}
				if doc["detail"] != middleware.ErrInvalidToken.Detail {
					t.Errorf("%s tells what is wrong: %v", head[0], doc["detail"])
				}
			}
		})
	}
}

func TestTheHeaderOrTheCookieIsDecidedBeforeTheTokenIsRead(t *testing.T) {
	h := build(t, housing{})
	h.withUser.GET("/me", whoami)
	ann, bob := h.sign(t, "ann", "s1"), h.sign(t, "bob", "s2")
	for _, c := range []struct {
		name, token string
		session     string
		err         error
	}{
		{"one", ann, "s1", nil},
		{"another", bob, "s2", nil},
		{"another key", forge(t, jwt.SigningMethodHS256, []byte("another"), claims(nil)), "", middleware.ErrInvalidToken},
		{"no exp", forge(t, jwt.SigningMethodHS256, testKey, claims(func(c jwt.MapClaims) { delete(c, "exp") })), "", middleware.ErrInvalidToken},
		{"rubbish", "abc", "", middleware.ErrInvalidToken},
		{"nothing", "", "", middleware.ErrInvalidToken},
	} {
		session, err := h.tokens.Session(t.Context(), c.token)
		if session != c.session || !errors.Is(err, c.err) {
			t.Errorf("%s: %q %v", c.name, session, err)
		}
	}
}

func TestAShortKeyOrLifeIsRefused(t *testing.T) {
	for _, o := range []middleware.TokenOptions{
		{TTL: time.Minute},
		{Keys: [][]byte{{}}, TTL: time.Minute},
		{Keys: [][]byte{testKey[:31]}, TTL: time.Minute},
		{Keys: [][]byte{testKey}},
		{Keys: [][]byte{testKey}, TTL: -time.Second},
		{Keys: [][]byte{testKey}, TTL: time.Millisecond},
		{Keys: [][]byte{testKey, {}}, TTL: time.Minute},
		{Keys: [][]byte{testKey, testKey[:31]}, TTL: time.Minute},
	} {
		if _, err := middleware.NewTokens(o); err == nil {
			t.Errorf("%q, %v: taken", o.Keys, o.TTL)
		}
	}
	if _, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{testKey}, TTL: time.Second}); err != nil {
		t.Error(err)
	}
}

func TestATokenInTheQueryIsRefusedOnEveryRoute(t *testing.T) {
	h := build(t, housing{})
	h.withUser.GET("/me", whoami)
	h.noActor.POST("/login", ok)
	head := []string{"Authorization", "Bearer " + h.sign(t, "ann", "s1")}
	for _, query := range []string{
		"token=abc", "access_token=abc", "jwt=abc", "refresh_token=abc", "a=b&token=abc", "a=b;token=abc",
		"token", "token=", "to%6ben=abc", "TOKEN=abc", "%zz=1&token=abc", "a=%zz&jwt=abc", "token=%zz",
	} {
		for _, route := range []string{"GET /me", "POST /login", "GET /nowhere", "DELETE /me"} {
			method, path, _ := strings.Cut(route, " ")
			w := h.ask(method, path+"?"+query, nil, head...)
			doc := wantProblem(t, w, 400, "token_in_url")
			if doc["instance"] != path {
				t.Errorf("%s?%s: instance %v", path, query, doc["instance"])
			}
		}
	}
	for _, query := range []string{"", "tokens=1", "a=token", "ticket=abc", "a=token%3Dabc"} {
		wantOK(t, h.ask("GET", "/me?"+query, nil, head...))
	}
	wantNone(t, h.log.String(), "abc")
}

func TestManyAtOnceAreEachThemselves(t *testing.T) {
	h := build(t, housing{})
	h.withUser.GET("/me", whoami)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name, session := fmt.Sprintf("user%d", i), fmt.Sprintf("s%d", i)
			for range 50 {
				token, _, err := h.tokens.Sign(name, session)
				if err != nil {
					t.Error(err)
					return
				}
				if w := h.ask("GET", "/me", nil, "Authorization", "Bearer "+token); w.Body.String() != name+" "+session+" false" {
					t.Errorf("%s became %q", name, w.Body)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzAuthorization(f *testing.F) {
	h := build(f, housing{})
	h.withUser.GET("/me", whoami)
	good := h.sign(f, "ann", "s1")
	for _, seed := range []string{"", "Bearer", "bearer " + good, "Bearer " + good, "Basic x", "Bearer a b", "Bearer ..", "\tBearer =", raw("null", "null")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := request("GET", "/me", nil, "Cookie", "parley_token="+h.sign(t, "bob", "s2"))
		r.Header["Authorization"] = []string{header}
		switch w := newRecorder(h, r); w.Code {
		case http.StatusOK:
			// Nobody passes by the cookie, and nobody but by the one good token.
			if w.Body.String() != "ann s1 false" || !strings.Contains(header, strings.Split(good, ".")[1]) {
				t.Errorf("%q passed as %q", header, w.Body)
			}
		case http.StatusUnauthorized:
		default:
			t.Errorf("%q: %d", header, w.Code)
		}
	})
}
