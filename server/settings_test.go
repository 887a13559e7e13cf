package server_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"parley/server"
)

func TestEveryMistakeInTheSettingsIsToldAtOnce(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	err := server.Settings{
		Listen: "8080", Database: "mysql://x", Bus: "nats://x", JWTSecret: "short", AccessTTL: "10", SessionIdle: "87601h", SessionMax: "soon", Signup: "maybe",
		Origins: "*,null,https://a/,https://ok.example", TrustedProxies: "0.0.0.0/0,x,10.0.0.1", BasePath: "chat",
		MetricsListen: "x", CookieName: "a b", Ping: "1ms", Rotate: "0s", TLSCert: missing, TLSKey: missing, Limits: "none", Streams: "none", MaxChatsPerUser: "0", MaxStreams: "0", MaxConnections: "0", MaxStreamsPerUser: "x", MaxStreamsPerAddress: "-1", StreamMemory: "0",
		PostRate: "0", StreamRate: "x", LoginRate: "-1", SignupRate: "1000001",
	}.Check()
	told := make(map[string]int)
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var m *server.Mistake
		if !errors.As(e, &m) || m.Cure == "" || strings.Contains(e.Error(), "\n") {
			t.Fatalf("not a mistake with its cure on one line: %v", e)
		}
		told[m.Setting]++
	}
	want := map[string]int{
		"listen": 1, "database": 1, "bus": 1, "jwt-secret": 1, "access-ttl": 1, "session-idle": 1, "session-max": 1, "signup": 1, "origins": 3,
		"trusted-proxies": 2, "base-path": 1, "cookie-name": 1, "metrics-listen": 1, "ping": 1, "rotate": 1, "tls-cert": 1, "tls-key": 1, "limits": 1, "streams": 1,
		"max-streams": 1, "max-connections": 1, "max-streams-per-user": 1, "max-streams-per-address": 1, "stream-memory": 1, "max-chats-per-user": 1,
		"post-rate": 1, "stream-rate": 1, "login-rate": 1, "signup-rate": 1,
	}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("told %v, not %v", told, want)
	}
}

func TestASettingIsCheckedForWhatItNeeds(t *testing.T) {
	t.Parallel()
	own, other := issue(t, t.TempDir(), "own"), issue(t, t.TempDir(), "other")
	for _, row := range []struct {
		name, mistake string
		settings      server.Settings
	}{
		{"nothing", "", server.Settings{}},
		{"everything", "", server.Settings{
			Listen: "[::1]:0", Data: "x", Database: "postgres://a:b@h/d", Bus: "memory", JWTSecret: secret, JWTPreviousSecret: nextSecret, AccessTTL: "1s", SessionIdle: "1m", SessionMax: "1m", Signup: "open",
			Origins: "https://a.example, http://b.example:81", TrustedProxies: "10.0.0.0/8, ::1", BasePath: "/chat/of-2.us", MetricsListen: "localhost:0",
			Ping: "1s", Rotate: "1m", Limits: "off", Streams: "portable", TLSCert: own.cert, TLSKey: own.key,
		}},
		{"PostgreSQL without a secret", "jwt-secret", server.Settings{Database: "postgres://a@h/d"}},
		{"PostgreSQL without a database", "database", server.Settings{Database: "postgres://a@h", JWTSecret: secret}},
		{"a port that is none", "listen", server.Settings{Listen: "localhost:99999"}},
		{"a secret of one letter", "jwt-secret", server.Settings{JWTSecret: strings.Repeat("a", 64)}},
		{"a secret a byte too short", "jwt-secret", server.Settings{JWTSecret: secret[1:]}},
		{"a previous secret of one letter", "jwt-previous-secret", server.Settings{JWTPreviousSecret: strings.Repeat("a", 64)}},
		{"a previous secret a byte too short", "jwt-previous-secret", server.Settings{JWTPreviousSecret: secret[1:]}},
		{"a life of no time", "access-ttl", server.Settings{AccessTTL: "0s"}},
		{"a life beyond a day", "access-ttl", server.Settings{AccessTTL: "25h"}},
		{"a session unused for less than a minute", "session-idle", server.Settings{SessionIdle: "59s"}},
		{"a session unused for over ten years", "session-idle", server.Settings{SessionIdle: "87601h", SessionMax: "87600h"}},
		{"a session that is over at once", "session-max", server.Settings{SessionIdle: "1m", SessionMax: "0s"}},
		{"a session of over ten years", "session-max", server.Settings{SessionMax: "87601h"}},
		{"a session of ten years", "", server.Settings{SessionIdle: "87600h", SessionMax: "87600h"}},
		{"a session that may be unused for longer than it lasts", "session-max", server.Settings{SessionIdle: "2h", SessionMax: "1h"}},
		{"a session shorter than it may be unused by default", "session-max", server.Settings{SessionMax: "719h"}},
		{"a session unused for longer than it lasts by default", "session-max", server.Settings{SessionIdle: "2161h"}},
		{"a path with a slash at its end", "", server.Settings{BasePath: "/chat/"}},
		{"a path with two slashes", "base-path", server.Settings{BasePath: "/chat//x"}},
		{"a path of another host", "base-path", server.Settings{BasePath: "//evil.example"}},
		{"slashes alone", "base-path", server.Settings{BasePath: "//"}},
		{"a path with dots", "base-path", server.Settings{BasePath: "/a/../b"}},
		{"a path with a query", "base-path", server.Settings{BasePath: "/chat?x"}},
		{"an encoded path", "base-path", server.Settings{BasePath: "/ch%61t"}},
		{"a path with a header", "base-path", server.Settings{BasePath: "/a\r\nb"}},
		{"a URL for a path", "base-path", server.Settings{BasePath: "https://a.example/chat"}},
		{"a name of cookies", "", server.Settings{CookieName: "chat-2.example"}},
		{"a name of cookies that says it is of the host", "cookie-name", server.Settings{CookieName: "__host-parley"}},
		{"a name of cookies with an end", "cookie-name", server.Settings{CookieName: "parley;"}},
		{"a name of cookies beyond ASCII", "cookie-name", server.Settings{CookieName: "pärley"}},
		{"a long name of cookies", "cookie-name", server.Settings{CookieName: strings.Repeat("a", 65)}},
		{"sign-up by invite", "", server.Settings{Signup: "invite"}},
		{"a key without its certificate", "tls-cert", server.Settings{TLSKey: own.key}},
		{"a certificate without its key", "tls-key", server.Settings{TLSCert: own.cert}},
		{"a certificate that is not there", "tls-cert", server.Settings{TLSCert: own.cert + "x", TLSKey: own.key}},
		{"a folder for a key", "tls-key", server.Settings{TLSCert: own.cert, TLSKey: filepath.Dir(own.key)}},
		{"another certificate's key", "tls-key", server.Settings{TLSCert: own.cert, TLSKey: other.key}},
		{"certificate and key exchanged", "tls-cert", server.Settings{TLSCert: own.key, TLSKey: own.cert}},
	} {
		err := row.settings.Check()
		var m *server.Mistake
		switch {
		case row.mistake == "" && err != nil:
			t.Errorf("%s: %v", row.name, err)
		case row.mistake != "" && (!errors.As(err, &m) || m.Setting != row.mistake):
			t.Errorf("%s: %v", row.name, err)
		}
	}
	err := server.Settings{Database: "postgres://ann:geheim@h h/d"}.Check()
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a password is repeated: %v", err)
	}
}

func TestAStartThatFailsSaysInOneLineWhichSettingCuresIt(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	served := t.TempDir()
	open(t, func(s *settings) { s.Data = served })
	for _, row := range []struct {
		name, setting string
		change        func(*settings)
	}{
		{"port taken", "listen", func(s *settings) { s.Listen = taken.Addr().String() }},
		{"port of the metrics taken", "metrics-listen", func(s *settings) { s.MetricsListen = taken.Addr().String() }},
		{"a file for a folder", "data", func(s *settings) { s.Data = file }},
		{"a folder in a file", "data", func(s *settings) { s.Data = filepath.Join(file, "data") }},
		{"nobody at the database's address", "database", func(s *settings) { s.Database = "postgres://ann:geheim@127.0.0.1:1/chat" }},
		{"a file that is served already", "data", func(s *settings) { s.Data = served }},
		{"a weak secret", "jwt-secret", func(s *settings) { s.JWTSecret = "weak" }},
	} {
		s := server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), JWTSecret: secret}
		row.change(&s)
		srv, err := server.Open(t.Context(), s, io.Discard)
		if err == nil {
			srv.Close()
			t.Errorf("%s: it starts", row.name)
			continue
		}
		var m *server.Mistake
		if !errors.As(err, &m) || m.Setting != row.setting || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestTheFirstStartMakesItsDataForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "data")
	h := open(t, func(s *settings) { s.Data, s.JWTSecret = folder, "" })
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, "secret.key"): 0o600} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s is %v", path, got)
			}
		}
	}
	h.user("ann")
	token := h.logIn("ann").Token
	h.drained()
	// The key outlives the process, and with it every token.
	again := open(t, func(s *settings) { s.Data, s.JWTSecret = folder, "" })
	again.do("GET", "/me", "", bearer(token)...).want(200)
}

func TestTheFirstLineIsTheAddressAndNewcomersAreToldWhatToPaste(t *testing.T) {
	t.Parallel()
	welcome := func(h *house) string {
		t.Helper()
		var b strings.Builder
		h.srv.Welcome(&b)
		return b.String()
	}
	folder := t.TempDir()
	h := open(t, func(s *settings) { s.Data = folder })
	at := h.srv.Addr().String()
	for _, line := range []string{
		"curl " + at + "/users -d username=ann -d password=correct-horse",
		"curl " + at + "/login -d username=ann -d password=correct-horse -d cookie=true -c ann.jar",
		"curl " + at + "/chats -b ann.jar -d id=lobby",
		"curl -N " + at + "/chats/lobby/stream -b ann.jar",
		"curl " + at + "/chats/lobby/messages -b ann.jar -d hello",
		"data in " + folder,
	} {
		if !strings.Contains(welcome(h), "\n"+line+"\n") {
			t.Errorf("without %q:\n%s", line, welcome(h))
		}
	}
	first, _, _ := strings.Cut(welcome(h), "\n")
	if first != "parley listening on http://"+at {
		t.Errorf("first line %q", first)
	}
	h.user("ann")
	if strings.Contains(welcome(h), "curl") {
		t.Errorf("still a newcomer:\n%s", welcome(h))
	}
	if closed := open(t, func(s *settings) { s.Signup = "closed" }); strings.Contains(welcome(closed), "curl") {
		t.Error("whoever may not sign up is told to")
	}
	everywhere := open(t, func(s *settings) { s.Listen = "0.0.0.0:0" })
	if _, port, _ := net.SplitHostPort(everywhere.srv.Addr().String()); !strings.HasPrefix(welcome(everywhere), "parley listening on http://127.0.0.1:"+port+"\n") {
		t.Errorf("no address to connect to:\n%s", welcome(everywhere))
	}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		six := open(t, func(s *settings) { s.Listen = "[::1]:0" })
		if !strings.Contains(welcome(six), "\ncurl '"+six.srv.Addr().String()+"/users' -d") {
			t.Errorf("brackets that a shell touches:\n%s", welcome(six))
		}
	}
}

func TestACommandDoesNotBeginADatabaseInTheWrongPlace(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "nothing")
	_, err := server.OpenStore(t.Context(), server.Settings{Data: folder}, false, slog.New(slog.NewTextHandler(io.Discard, nil)))
	var m *server.Mistake
	if !errors.As(err, &m) || m.Setting != "data" {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}
}
