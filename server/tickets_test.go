package server_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const pages = "https://pages.example"

// ticket asks for a stream ticket from a page of pages.
func (h *house) ticket(path string, who []string) string {
	h.t.Helper()
	var made struct {
		Ticket    string    `json:"ticket"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	h.do("POST", "/stream-tickets", `{"path":"`+path+`"}`, with(who, "Content-Type", asJSON, "Origin", pages, "Sec-Fetch-Site", "cross-site")...).
		want(201).into(&made)
	if left := time.Until(made.ExpiresAt); left > 30*time.Second || left < 20*time.Second {
		h.t.Errorf("a ticket lives for %s", left)
	}
	h.secrets = append(h.secrets, made.Ticket)
	return made.Ticket
}

var fromPages = []string{"Origin", pages, "Sec-Fetch-Site", "cross-site"}

func forPages(s *settings) { s.Origins = pages }

func TestATicketOpensOneStreamAndItsCookieTheSameAgain(t *testing.T) {
	t.Parallel()
	h := open(t, forPages)
	ann := h.user("ann")
	h.chat("den", ann)
	h.chat("other", ann)
	path := "/chats/den/stream?ticket=" + h.ticket("/chats/den/stream", ann)

	res := h.send("GET", path, http.NoBody, fromPages...)
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != pages || res.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	cookies := res.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].Path != "/chats/den/stream" || cookies[0].MaxAge <= 0 {
		t.Fatalf("the cookies are %v", cookies)
	}
	kept := cookies[0].Name + "=" + cookies[0].Value
	h.secrets = append(h.secrets, cookies[0].Value)

	h.do("GET", path, "", fromPages...).refused(401, "invalid_ticket")
	again := h.follow(path, with(fromPages, "Cookie", kept)...)
	again.until("event: ready")
	h.say("den", "for the page", ann)
	again.until("for the page")

	for what, headers := range map[string][]string{
		"another page": {"Origin", "https://else.example", "Cookie", kept},
		"no page":      {"Cookie", kept},
		"a forged one": with(fromPages, "Cookie", kept+"x"),
		"none":         fromPages,
	} {
		if a := h.do("GET", path, "", headers...); a.status != 401 {
			t.Errorf("with the cookie of %s: %d", what, a.status)
		}
	}
	other := strings.Replace(path, "den", "other", 1)
	h.do("GET", other, "", with(fromPages, "Cookie", kept)...).refused(401, "invalid_ticket")
	// The cookie alone is no credential, nor is it one for anything else.
	h.do("GET", "/chats/den/stream", "", with(fromPages, "Cookie", kept)...).refused(401, "unauthenticated")
	h.do("GET", "/me", "", with(fromPages, "Cookie", kept)...).refused(401, "unauthenticated")

	h.do("POST", "/logout", "", ann...).want(204)
	again.until(`"reason":"revoked"`)
	h.do("GET", path, "", with(fromPages, "Cookie", kept)...).refused(401, "invalid_ticket")
}

func TestATicketIsForItsPageItsPathAndItsSession(t *testing.T) {
	t.Parallel()
	h := open(t, forPages)
	ann := h.user("ann")
	h.chat("den", ann)
	for what, c := range map[string]struct {
		ticket, path string
		headers      []string
	}{
		"another path":       {h.ticket("/stream", ann), "/chats/den/stream", fromPages},
		"another origin":     {h.ticket("", ann), "/stream", []string{"Origin", "https://else.example"}},
		"an own page":        {h.ticket("", ann), "/stream", []string{"Sec-Fetch-Site", "same-origin"}},
		"no page":            {h.ticket("", ann), "/stream", nil},
		"nonsense":           {"pt_nonsense", "/stream", fromPages},
		"nonsense and a dot": {"pt_non.sense", "/stream", fromPages},
		"a changed one":      {h.ticket("", ann) + "x", "/stream", fromPages},
	} {
		if a := h.do("GET", c.path+"?ticket="+c.ticket, "", c.headers...); a.status != 401 || !strings.Contains(a.body, "invalid_ticket") {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	h.do("GET", "/me?ticket="+h.ticket("", ann), "", fromPages...).refused(401, "unauthenticated")
	anyPath := h.ticket("", ann)
	stream := h.follow("/stream?ticket="+anyPath, fromPages...)
	stream.until("event: ready")

	for _, path := range []string{"/me", "/chats//stream", "/chats/DEN/stream", "stream", "/stream?x"} {
		h.do("POST", "/stream-tickets", `{"path":"`+path+`"}`, with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request", "path")
	}
	h.do("POST", "/stream-tickets", "", with(ann, "Origin", "null", "Sec-Fetch-Site", "cross-site")...).refused(403, "foreign_origin")
	h.do("POST", "/stream-tickets", "").refused(401, "unauthenticated")

	once, twice := h.ticket("", ann), h.ticket("", ann)
	h.do("GET", "/stream?ticket="+once+"&ticket="+twice, "", fromPages...).refused(400, "invalid_request", "ticket")

	late := h.ticket("", ann)
	h.do("POST", "/logout", "", ann...).want(204)
	h.do("GET", "/stream?ticket="+late, "", fromPages...).refused(401, "invalid_ticket")
}

func TestATicketThatManyUseAtOnceOpensOneStream(t *testing.T) {
	t.Parallel()
	h := open(t, forPages)
	ann := h.user("ann")
	ticket := h.ticket("/stream", ann)
	var opened sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		opened.Go(func() {
			res := h.send("GET", "/stream?ticket="+ticket, http.NoBody, fromPages...)
			statuses[i] = res.StatusCode
			res.Body.Close()
		})
	}
	opened.Wait()
	counts := map[int]int{}
	for _, s := range statuses {
		counts[s]++
	}
	if counts[200] != 1 || counts[401] != len(statuses)-1 {
		t.Errorf("the answers are %v", counts)
	}
}

// kept opens a stream by a ticket, closes it, and returns the cookie with which the page's
// browser comes back.
func (h *house) kept(path string) string {
	h.t.Helper()
	res := h.send("GET", path, http.NoBody, fromPages...)
	defer res.Body.Close()
	cookies := res.Cookies()
	if res.StatusCode != 200 || len(cookies) != 1 {
		h.t.Fatalf("GET %s: %s, with the cookies %v", path, res.Status, cookies)
	}
	h.secrets = append(h.secrets, cookies[0].Value)
	return cookies[0].Name + "=" + cookies[0].Value
}

// opensNothing wants a ticket to be refused, and does not wait for the end of a stream that
// it opens.
func (h *house) opensNothing(path string, headers ...string) {
	h.t.Helper()
	res := h.send("GET", path, http.NoBody, headers...)
	defer res.Body.Close()
	if res.StatusCode == 200 {
		h.t.Fatalf("GET %s opens a stream with %q", path, headers)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	answer{h.t, "GET " + path, res.StatusCode, res.Header, string(body)}.refused(401, "invalid_ticket")
}

func TestATicketEndsByItselfAndItsCookieWithTheSession(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	h := openByClock(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, forPages)
	ann := h.user("ann")
	used, late := "/stream?ticket="+h.ticket("/stream", ann), "/stream?ticket="+h.ticket("/stream", ann)
	cookie := h.kept(used)
	ahead.Add(int64(30 * time.Second))
	h.opensNothing(late, fromPages...)
	h.opensNothing(used, fromPages...)
	h.follow(used, with(fromPages, "Cookie", cookie)...).until("event: ready")
	ahead.Add(int64(30 * 24 * time.Hour))
	h.opensNothing(used, with(fromPages, "Cookie", cookie)...)
}

func TestATicketIsNoOtherCredentialNorTheReverse(t *testing.T) {
	t.Parallel()
	h := open(t, forPages)
	h.user("ann")
	l := h.logIn("ann")
	ann := bearer(l.Token)
	ticket := h.ticket("", ann)
	name, value, _ := strings.Cut(h.kept("/stream?ticket="+ticket), "=")
	script, _ := h.token("/me/tokens", `{"name":"reader","scopes":["read"],"expires_in":"1h"}`, ann)
	invite := h.invite(`{"uses":1}`, ann) // she is the first user, and so an admin

	for _, text := range []string{h.ticket("", ann), value} {
		h.do("GET", "/me", "", bearer(text)...).refused(401, "invalid_token")
		h.do("GET", "/stream", "", bearer(text)...).refused(401, "invalid_token")
		h.do("POST", "/refresh", "refresh_token="+text, "Content-Type", asForm).refused(401, "invalid_refresh_token")
		h.do("POST", "/logout", "refresh_token="+text, "Content-Type", asForm).refused(401, "invalid_refresh_token")
		h.do("POST", "/invites/"+text, "", ann...).refused(404, "invite_not_found")
		h.do("GET", "/me", "", "Cookie", "parley_token="+text).refused(401, "invalid_token")
	}
	for _, text := range []string{value, l.Token, l.RefreshToken, script.Token, invite.Code} {
		h.opensNothing("/stream?ticket="+text, with(fromPages, "Cookie", name+"="+value)...)
		h.opensNothing("/stream?ticket="+ticket, with(fromPages, "Cookie", name+"="+text+"x")...)
		if text != value {
			h.opensNothing("/stream?ticket="+ticket, with(fromPages, "Cookie", name+"="+text)...)
		}
	}
	h.do("GET", "/me", "", ann...).want(200)
}

// Over https the cookie is one that a browser sends from pages of another site, also where it
// keeps third-party cookies apart.
func TestOverHTTPSATicketsCookieIsPartitioned(t *testing.T) {
	t.Parallel()
	h := open(t, forPages, func(s *settings) { s.TrustedProxies = "127.0.0.1"; s.Signup = "open" })
	ann := h.user("ann")
	res := h.send("GET", "/stream?ticket="+h.ticket("/stream", ann), http.NoBody, with(fromPages, "X-Forwarded-Proto", "https")...)
	defer res.Body.Close()
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Secure-parley_stream" || !cookies[0].Secure || !cookies[0].Partitioned ||
		cookies[0].SameSite != http.SameSiteNoneMode || cookies[0].Path != "/stream" {
		t.Errorf("the cookies are %v", cookies)
	}
	for _, ck := range cookies {
		h.secrets = append(h.secrets, ck.Value)
	}
}
