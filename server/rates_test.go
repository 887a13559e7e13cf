package server_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// limited demands a refusal by rate, of which the header tells as a list of structured fields, and
// returns after how many seconds to ask again.
func (a answer) limited(policy string) int {
	a.t.Helper()
	a.refused(429, "rate_limited")
	standing := regexp.MustCompile(`^"` + policy + `";r=0;t=(\d+)$`).FindStringSubmatch(a.header.Get("RateLimit"))
	announced := regexp.MustCompile(`^"` + policy + `";q=\d+;w=\d+$`).MatchString(a.header.Get("RateLimit-Policy"))
	if standing == nil || !announced || standing[1] != a.header.Get("Retry-After") {
		a.t.Fatalf("%s: %v", a.asked, a.header)
	}
	seconds, err := strconv.Atoi(standing[1])
	if err != nil || seconds < 1 {
		a.t.Fatalf("%s: %v", a.asked, a.header)
	}
	return seconds
}

func TestPostsBeyondTheRateAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.PostRate = "1" })
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("lobby", ann)
	h.chat("den", bob)
	a := h.say("lobby", "hello", ann)
	if a.header.Get("RateLimit-Policy") != `"posts";q=20;w=20` || a.header.Get("RateLimit") != `"posts";r=19;t=1` {
		t.Errorf("%v", a.header)
	}
	a = h.posted(100, "lobby", ann)
	if seconds := a.limited("posts"); seconds != 1 {
		t.Errorf("to be asked again after %d s", seconds)
	}
	h.do("POST", "/messages", `{"chat":"lobby","text":"x"}`, with(ann, "Content-Type", asJSON)...).limited("posts")
	h.say("den", "hello", bob)
	h.do("GET", "/chats/lobby/messages", "", ann...).want(200)
}

// posted posts up to n texts, and returns the first answer that is no 201.
func (h *house) posted(n int, chatID string, who []string) (a answer) {
	h.t.Helper()
	for range n {
		a = h.do("POST", "/chats/"+chatID+"/messages", "x", with(who, "Content-Type", "text/plain")...)
		if a.status != 201 {
			break
		}
	}
	return a
}

func TestNothingIsLimitedWithLimitsOff(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.PostRate, s.Limits = "1", "off" })
	ann := h.user("ann")
	h.chat("lobby", ann)
	a := h.posted(50, "lobby", ann).want(201)
	if a.header.Get("RateLimit") != "" || a.header.Get("RateLimit-Policy") != "" {
		t.Errorf("%v", a.header)
	}
}

// proxied is a server behind a trusted proxy, which tells addresses.
func proxied(t *testing.T, change func(*settings)) *house {
	return open(t, func(s *settings) {
		s.TrustedProxies, s.Signup = "127.0.0.1", "open"
		change(s)
	})
}

// logInAt tries to log in from an address.
func (h *house) logInAt(address, username, password string) answer {
	h.t.Helper()
	body := "cookie=true&username=" + username + "&password=" + password
	return h.do("POST", "/login", body, "Content-Type", asForm, "X-Forwarded-For", address)
}

func TestGuessesOfAPasswordAreSlowedDownByNetwork(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(*settings) {})
	h.user("ann")
	for _, user := range []string{"ann", "nobody"} {
		for i := 0; ; i++ {
			// An address of IPv6 is a network of 64 bits.
			a := h.logInAt(fmt.Sprintf("2001:db8:0:1:%x::", i), user, "wrong-horse")
			if a.status == 429 {
				a.limited("sign-ins")
				if i < 10 {
					t.Errorf("%s: refused after %d", user, i)
				}
				break
			}
			a.refused(401, "invalid_credentials")
			if want := fmt.Sprintf(`"sign-ins";r=%d;t=`, max(0, 9-i)); !strings.HasPrefix(a.header.Get("RateLimit"), want) {
				t.Errorf("%s: %v, not %s", user, a.header["Ratelimit"], want)
			}
		}
		h.logInAt("2001:db8:0:1::1", user, password).limited("sign-ins")
		h.logInAt("2001:db8:0:2::1", user, "wrong-horse").refused(401, "invalid_credentials")
	}
	h.logInAt("2001:db8:0:3::1", "ann", password).want(200)
}

func TestStrangersLockNobodyOut(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(s *settings) { s.LoginRate = "1" })
	h.user("ann")
	h.logInAt("198.51.100.9", "ann", password).want(200)
	for i := 0; ; i++ {
		a := h.logInAt(fmt.Sprintf("203.0.113.%d", i%200), "ann", "wrong-horse")
		if a.status == 429 {
			a.limited("sign-ins-of-account")
			break
		}
		a.refused(401, "invalid_credentials")
	}
	h.logInAt("198.51.100.9", "ann", password).want(200)
	h.logInAt("198.51.100.11", "ann", password).limited("sign-ins-of-account")
}

func TestAnAddressGuessesAtFewAccounts(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(s *settings) { s.LoginRate = "1" })
	for i := range 3 {
		h.logInAt("203.0.113.7", fmt.Sprint("user", i), "wrong-horse").refused(401, "invalid_credentials")
	}
	h.logInAt("203.0.113.7", "user4", "wrong-horse").limited("sign-ins-of-address")
	h.logInAt("203.0.113.8", "user4", "wrong-horse").refused(401, "invalid_credentials")
}

func TestAnAddressSignsUpAFewUsers(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(s *settings) { s.SignupRate = "2" })
	signUp := func(name, address string) answer {
		return h.do("POST", "/users", "username="+name+"&password="+password, "Content-Type", asForm, "X-Forwarded-For", address)
	}
	signUp("ann", "203.0.113.7").want(201)
	signUp("ann", "203.0.113.7").refused(409, "username_taken")
	signUp("bob", "203.0.113.7").limited("sign-ups")
	signUp("bob", "203.0.113.8").want(201)
}

func TestStreamsBeyondTheRateAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.MaxStreamsPerUser, s.StreamRate = "2", "1" })
	ann := h.user("ann")
	for range 24 {
		a := h.do("GET", "/stream?timeout=1ms", "", ann...)
		if a.status == 429 {
			t.Fatal("an opening within the limit was refused")
		}
		if a.header.Get("RateLimit-Policy") == "" {
			t.Errorf("%v", a.header)
		}
	}
	for {
		if a := h.do("GET", "/stream?timeout=1ms", "", ann...); a.status == 429 {
			a.limited("streams")
			break
		}
	}
	for {
		a := h.do("GET", "/stream?errors=inband&timeout=1ms", "", ann...).want(200)
		if strings.Contains(a.body, "event: problem\n") && strings.Contains(a.body, `"rate_limited"`) {
			break
		}
	}
}

func TestRefreshesBeyondTheRateAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("ann")
	session, other := h.logIn("ann"), h.logIn("ann")
	refresh := func(l login) answer {
		return h.do("POST", "/refresh", `{"refresh_token":"`+l.RefreshToken+`"}`, "Content-Type", asJSON)
	}
	for i := 0; ; i++ {
		a := refresh(session)
		if a.status == 429 {
			a.limited("refreshes-of-session")
			if i < 120 {
				t.Errorf("refused after %d", i)
			}
			break
		}
		a.want(200).into(&session)
		h.secrets = append(h.secrets, session.Token, session.RefreshToken)
	}
	refresh(other).want(200)
}

func TestANewPasswordIsNoCommonOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann-the-great")
	for _, weak := range []string{"qwertyuiop", "ANN-the-great"} {
		h.do("PUT", "/me/password", `{"password":"`+password+`","new_password":"`+weak+`"}`, with(ann, "Content-Type", asJSON)...).
			refused(400, "weak_password", "new_password")
	}
	h.logIn("ann-the-great")
}

func TestAStolenSessionGuessesAtThePasswordAsSlowlyAsAnybody(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(*settings) {})
	ann := h.user("ann")
	guess := func(from string) answer {
		return h.do("PUT", "/me/password", `{"password":"wrong-horse","new_password":"another-horse"}`,
			with(ann, "Content-Type", asJSON, "X-Forwarded-For", from)...)
	}
	refusedAfter(t, "sign-ins", 10, 403, "wrong_password", func(i int) answer { return guess(fmt.Sprintf("203.0.113.%d", i)) })
	h.logInAt("198.51.100.9", "ann", password).want(200)
}

func TestAnAddressGuessesAtFewTickets(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(*settings) {})
	guess := func(from string) answer { return h.do("GET", "/stream?ticket=nonsense", "", "X-Forwarded-For", from) }
	refusedAfter(t, "tickets", 60, 401, "invalid_ticket", func(int) answer { return guess("203.0.113.7") })
	guess("203.0.113.8").refused(401, "invalid_ticket")
}

// madeUp is no invite's code, though it could be.
const madeUp = "AAAAAAAAAAAAAAAAAAAAAAAAAA"

// refusedAfter asks until a policy refuses, and wants that after a number of requests or a few
// more: time gives some back. Those before are answered with a status, and refused with a code
// unless that is empty.
func refusedAfter(t *testing.T, policy string, quota, status int, code string, ask func(i int) answer) {
	t.Helper()
	for i := 0; ; i++ {
		a := ask(i)
		if a.status == 429 {
			a.limited(policy)
			if i < quota {
				t.Errorf("refused after %d", i)
			}
			return
		}
		if a.want(status); code != "" {
			a.refused(status, code)
		}
		if i > 2*quota {
			t.Fatalf("not refused after %d", i)
		}
	}
}

func TestAUserGuessesAtFewInvites(t *testing.T) {
	t.Parallel()
	h := open(t) // on this machine, which has no address
	ann, bob := h.user("ann"), h.user("bob")
	guess := func(who []string) answer { return h.do("POST", "/invites/"+madeUp, "", who...) }
	refusedAfter(t, "invites", 20, 404, "invite_not_found", func(int) answer { return guess(ann) })
	guess(bob).refused(404, "invite_not_found")
}

func TestAnAddressGuessesAtFewInvites(t *testing.T) {
	t.Parallel()
	for route, guess := range map[string]func(h *house, who []string, from string) answer{
		"POST /invites/{code}": func(h *house, who []string, from string) answer {
			return h.do("POST", "/invites/"+madeUp, "", with(who, "X-Forwarded-For", from)...)
		},
		"POST /users": func(h *house, _ []string, from string) answer {
			body := `{"username":"eve","password":"` + password + `","invite":"` + madeUp + `"}`
			return h.do("POST", "/users", body, "Content-Type", asJSON, "X-Forwarded-For", from)
		},
	} {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			h := proxied(t, func(s *settings) { s.SignupRate = "1000" })
			users := [][]string{h.user("ann"), h.user("bob"), h.user("cid")}
			refusedAfter(t, "invites-of-address", 20, 404, "invite_not_found", func(i int) answer {
				return guess(h, users[i%len(users)], "203.0.113.7")
			})
			guess(h, users[0], "203.0.113.8").refused(404, "invite_not_found")
		})
	}
}

func TestAnAddressRefreshesWithinARate(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(*settings) {})
	refresh := func(from string) answer {
		return h.do("POST", "/refresh", `{"refresh_token":"`+madeUp+`"}`, "Content-Type", asJSON, "X-Forwarded-For", from)
	}
	refusedAfter(t, "refreshes", 600, 401, "invalid_refresh_token", func(int) answer { return refresh("203.0.113.7") })
	refresh("203.0.113.8").refused(401, "invalid_refresh_token")
}

func TestAnAddressOpensStreamsWithinARate(t *testing.T) {
	t.Parallel()
	h := proxied(t, func(s *settings) { s.MaxStreamsPerAddress, s.StreamRate = "2", "1" })
	// No user opens as many as one user may.
	var users [][]string
	for i := range 6 {
		users = append(users, h.user(fmt.Sprint("user", i)))
	}
	follow := func(i int, from string) answer {
		return h.do("GET", "/stream?timeout=1ms", "", with(users[i%len(users)], "X-Forwarded-For", from)...)
	}
	refusedAfter(t, "streams-of-address", 100, 200, "", func(i int) answer { return follow(i, "203.0.113.7") })
	follow(0, "203.0.113.8").want(200)
}
