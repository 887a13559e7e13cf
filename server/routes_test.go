package server_test

import (
	"io"
	"strings"
	"testing"
)

func TestWhatIsNotBuiltIsNotFoundAndNeverAStub(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	for _, row := range []string{
		"GET /nowhere", "GET /me/", "GET //me", "GET /debug/pprof/",
	} {
		method, path, _ := strings.Cut(row, " ")
		h.do(method, path, "", ann...).refused(404, "not_found")
	}
}

func TestAnotherMethodIsRefusedAndTheRightOnesNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, row := range []struct{ method, path, allow string }{
		{"GET", "/login", "POST"},
		{"PUT", "/me", "DELETE, GET, HEAD, PATCH"},
		{"DELETE", "/chats", "GET, HEAD, POST"},
		{"PUT", "/messages/2", "DELETE, GET, HEAD, PATCH"},
		{"POST", "/stream", "GET"},
		{"HEAD", "/stream", "GET"},
		{"BREW", "/healthz", "GET, HEAD"},
		{"OPTIONS", "/me", "DELETE, GET, HEAD, PATCH"},
	} {
		a := h.do(row.method, row.path, "").want(405)
		allowed := strings.Split(a.header.Get("Allow"), ", ")
		for _, method := range strings.Split(row.allow, ", ") {
			if !strings.Contains(", "+a.header.Get("Allow")+",", ", "+method+",") {
				t.Errorf("%s %s allows %q, without %s", row.method, row.path, allowed, method)
			}
		}
		if len(allowed) != len(strings.Split(row.allow, ", ")) {
			t.Errorf("%s %s allows %q", row.method, row.path, allowed)
		}
	}
}

func TestAStreamOpensWhereverTheClientSaysItStood(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	h.say("lobby", "said-before", ann)
	for _, row := range []struct{ lastEventID, after, reason string }{
		{"x", "", "malformed"}, {"-1", "", "malformed"}, {"1.5", "", "malformed"},
		{"1234567890123456789", "", "malformed"}, {"999999999999999999", "", "ahead"},
		{"", "yesterday", "malformed"}, {"", "1&after=2", "malformed"}, {"3", "", "ahead"},
	} {
		headers := ann
		if row.lastEventID != "" {
			headers = with(ann, "Last-Event-ID", row.lastEventID)
		}
		s := h.follow("/chats/lobby/stream?after="+row.after, headers...)
		if block := s.until("event: reset"); !strings.Contains(block, `"reason":"`+row.reason+`"`) || !strings.HasSuffix(block, "\nid: 2") {
			t.Errorf("Last-Event-ID %q, after %q: %s", row.lastEventID, row.after, block)
		}
		s.until("event: ready")
		s.body.Close()
	}
	for _, begin := range []func() *stream{
		func() *stream { return h.follow("/stream?after=earliest", ann...) },
		func() *stream { return h.follow("/stream?after=1", ann...) },
		func() *stream { return h.follow("/stream?after=now", with(ann, "Last-Event-ID", "1")...) },
	} {
		s := begin()
		s.until("said-before")
		s.until("event: ready")
		s.body.Close()
	}
	s := h.follow("/stream?timeout=10ms", ann...)
	s.until(`{"reason":"timeout"}`)
	if _, err := s.r.ReadByte(); err != io.EOF {
		t.Errorf("a timeout does not end cleanly: %v", err)
	}
}

func TestARefusedStreamCanBeToldOnTheStream(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	for _, row := range []struct {
		path    string
		headers []string
		status  string
	}{
		{"/stream?errors=inband", nil, `"status":401`},
		{"/chats/nowhere/stream?errors=inband", ann, `"status":404`},
		{"/stream?errors=inband&limit=x", ann, `"status":400`},
	} {
		s := h.follow(row.path, row.headers...)
		block := s.until("event: problem")
		if !strings.Contains(block, row.status) || !strings.HasPrefix(block, "retry: ") {
			t.Errorf("%s: %s", row.path, block)
		}
		if _, err := s.r.ReadByte(); err != io.EOF {
			t.Errorf("%s: no clean close: %v", row.path, err)
		}
	}
	h.follow("/stream?errors=inband", ann...).until("event: ready")
}

func TestSignUpIsOpenOnlyWhereNoStrangerReachesIt(t *testing.T) {
	t.Parallel()
	form := []string{"Content-Type", asForm}
	body := func(name string) string { return "username=" + name + "&password=" + password }

	direct := open(t)
	direct.do("POST", "/users", body("ann"), form...).want(201)
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Via"} {
		direct.do("POST", "/users", body("bob"), with(form, header, "x")...).refused(403, "signup_closed")
	}
	closed := open(t, func(s *settings) { s.Signup = "closed" })
	closed.do("POST", "/users", body("ann"), form...).refused(403, "signup_closed")
	proxied := open(t, func(s *settings) { s.TrustedProxies = "127.0.0.1" })
	proxied.do("POST", "/users", body("ann"), form...).refused(403, "signup_closed")
	everywhere := open(t, func(s *settings) { s.Listen = "0.0.0.0:0" })
	everywhere.do("POST", "/users", body("ann"), form...).refused(403, "signup_closed")
	opened := open(t, func(s *settings) { s.Signup = "open" })
	opened.do("POST", "/users", body("ann"), with(form, "X-Forwarded-For", "x")...).want(201)
}

// A page can have its own name resolve to 127.0.0.1, and is then same-origin with
// what listens there.
func TestWhatIsForThisMachineAloneNeedsItsNameOrAListedOne(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.Origins = "https://chat.example:8443" })
	apart := open(t, func(s *settings) { s.MetricsListen = "127.0.0.1:0" })
	apart.url = "http://" + apart.srv.MetricsAddr().String()
	for host, local := range map[string]bool{
		"rebind.example": false, "rebind.example:8080": false, "127.0.0.1.rebind.example": false, "localhost.rebind.example": false,
		"localhost@rebind.example": false, "10.0.0.1": false, "[2001:db8::1]:80": false, "0.0.0.0": false,
		"localhost": true, "LOCALHOST:1": true, "127.0.0.1": true, "127.9.9.9:99": true, "[::1]": true, "[::1]:8080": true,
	} {
		status := map[bool]int{true: 200, false: 421}[local]
		page := []string{"Host", host, "Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"}
		for _, a := range []answer{
			h.do("GET", "/metrics", "", page...), apart.do("GET", "/metrics", "", page...),
			h.do("POST", "/users", "username=Bad&password=x", with(page, "Content-Type", asForm)...),
		} {
			a.asked += " at " + host
			switch {
			case !local:
				a.refused(421, "misdirected")
			case strings.HasPrefix(a.asked, "POST"):
				a.refused(400, "invalid_request", "username")
			default:
				a.want(status)
			}
		}
		h.do("GET", "/healthz", "", page...).want(200)
		h.do("GET", "/readyz", "", page...).want(200)
	}
	h.do("GET", "/metrics", "", "Host", "chat.example").want(200)
	h.do("POST", "/users", "username=bob&password="+password, "Host", "CHAT.example:8443", "Content-Type", asForm).want(201)
	foreign := []string{"Origin", "https://elsewhere.example", "Content-Type", asForm}
	h.do("POST", "/users", "username=eve&password="+password, foreign...).refused(403, "foreign_origin")
	h.do("POST", "/users", "username=eve&password="+password, with(foreign, "Sec-Fetch-Site", "cross-site")...).refused(403, "foreign_origin")
	// Sign-up that was opened is open to everybody.
	opened := open(t, func(s *settings) { s.Signup = "open" })
	opened.do("POST", "/users", "username=bob&password="+password, "Host", "chat.example", "Content-Type", asForm).want(201)
}

func TestAProxyThatNobodyNamedIsToldOnce(t *testing.T) {
	t.Parallel()
	const warning = "a proxy on this machine is not trusted"
	for _, sign := range [][]string{
		{"Via", "1.1 proxy"}, {"X-Real-IP", "192.0.2.7"}, {"X-Forwarded-For", "192.0.2.7"}, {"Forwarded", "for=192.0.2.7"}, {"CF-Connecting-IP", "192.0.2.7"},
		{"Sec-Fetch-Site", "same-origin", "Origin", "https://chat.example"},
	} {
		h := open(t)
		h.do("GET", "/healthz", "", "Sec-Fetch-Site", "same-origin", "Origin", h.url).want(200)
		if strings.Contains(h.log.String(), warning) {
			t.Error("a warning of no proxy")
		}
		h.do("GET", "/metrics", "", sign...).refused(404, "not_found")
		h.do("POST", "/users", "username=bob&password="+password, with(sign, "Content-Type", asForm)...).refused(403, "signup_closed")
		h.drained()
		if n := strings.Count(h.log.String(), warning); n != 1 {
			t.Errorf("%s: %d lines", sign[0], n)
		}
	}
	h := open(t, func(s *settings) { s.TrustedProxies = "127.0.0.1" })
	h.do("GET", "/healthz", "", "X-Forwarded-For", "192.0.2.7").want(200)
	h.drained()
	if strings.Contains(h.log.String(), warning) {
		t.Error("a warning of a trusted proxy")
	}
}

func TestMetricsAreForThisMachineOrTheirOwnAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.do("GET", "/healthz", "").want(200)
	if a := h.do("GET", "/metrics", "").want(200); !strings.Contains(a.body, "parley_http_requests_total") {
		t.Errorf("no metrics: %s", a.body)
	}
	h.do("GET", "/metrics", "", "X-Forwarded-For", "192.0.2.1").refused(404, "not_found")

	apart := open(t, func(s *settings) { s.MetricsListen = "127.0.0.1:0" })
	apart.do("GET", "/metrics", "").refused(404, "not_found")
	apart.do("GET", "/healthz", "").want(200)
	apart.url = "http://" + apart.srv.MetricsAddr().String()
	if a := apart.do("GET", "/metrics", "").want(200); !strings.Contains(a.body, "parley_http_requests_total") {
		t.Errorf("no metrics: %s", a.body)
	}
	apart.do("GET", "/me", "").want(404)
}

func TestAPostMovesEachMetricThatTellsOfIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	read := func() map[string]string {
		values := make(map[string]string)
		for line := range strings.Lines(h.do("GET", "/metrics", "").want(200).body) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(name, "#") {
				values[name] = value
			}
		}
		return values
	}
	before := read()
	s := h.follow("/chats/lobby/stream", ann...)
	s.until("event: ready")
	h.say("lobby", "counted", ann)
	s.until("counted")
	for _, name := range []string{
		`parley_http_requests_total{method="POST",route="/chats/:chat/messages",status="201"}`,
		"parley_posts_total", "parley_commit_seconds_count", "parley_batch_size_count", "parley_batch_size_sum",
		"parley_streams_open", "parley_deliveries_total", "parley_tail_position",
	} {
		// The reader has the frame a moment before it is counted.
		h.eventually(name+" moves", func() bool {
			now := read()[name]
			return now != "" && now != before[name]
		})
	}
	after := read()
	for _, name := range []string{"parley_readers_behind", "parley_database_up"} {
		if _, there := after[name]; !there {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestTheProbesAnswerWithoutAToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		h.do("GET", path, "").want(200)
		h.do("HEAD", path, "").want(200)
	}
}

func TestThePageIsServedUnderItsPolicy(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.do("GET", "/", "", "Accept", "text/html").want(200)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%v", a.header)
	}
}

func TestARequestIDComesBackWhereverItIsGood(t *testing.T) {
	t.Parallel()
	h := open(t)
	if got := h.do("GET", "/healthz", "", "X-Request-Id", "a.b-c_1").header.Get("X-Request-Id"); got != "a.b-c_1" {
		t.Errorf("%q", got)
	}
	if got := h.do("GET", "/healthz", "", "X-Request-Id", "a b").header.Get("X-Request-Id"); got == "a b" || got == "" {
		t.Errorf("%q", got)
	}
	h.eventually("a line for the request", func() bool {
		return strings.Contains(h.log.String(), "request_id=a.b-c_1 method=GET route=/healthz status=200")
	})
}
