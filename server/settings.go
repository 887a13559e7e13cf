package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"parley/auth/issuers"
	"parley/chat"
	"parley/handlers"
	"parley/middleware"
	"parley/rates"
	"parley/stream"
)

// Settings are all that can be set, as somebody wrote it. An empty one is its
// default. The tags are read by package cli, which fills a Settings from flags,
// environment and file.
type Settings struct {
	Listen               string `default:"127.0.0.1:8080" env:"PARLEY_LISTEN" placeholder:"HOST:PORT" help:"Address to listen on; port 0 takes a free one."`
	Data                 string `default:"./parley-data" env:"PARLEY_DATA" placeholder:"FOLDER" help:"Folder of the SQLite file and of the generated signing key."`
	Database             string `env:"PARLEY_DATABASE" placeholder:"URL" help:"postgres://… instead of SQLite in the data folder."`
	Bus                  string `default:"memory" env:"PARLEY_BUS" placeholder:"BUS" help:"How instances on one PostgreSQL hear of each other: memory (not at all; each looks at the database every 2 s), postgres (its notifications), postgres://… (the same by another address, where the database's leads to a pooler), or nats://HOST:4222 (several separated by commas; ?prefix=WORD sets services apart that share a cluster)."`
	JWTSecret            string `name:"jwt-secret" env:"PARLEY_JWT_SECRET" placeholder:"SECRET" help:"32 bytes or more, the same for all instances; generated and kept in the data folder if absent. Better set by variable or file than by flag."`
	JWTPreviousSecret    string `name:"jwt-previous-secret" env:"PARLEY_JWT_PREVIOUS_SECRET" placeholder:"SECRET" help:"A secret that still verifies and signs nothing, to change --jwt-secret without ending sessions."`
	Issuers              string `env:"PARLEY_ISSUERS" placeholder:"FILE" help:"JSON file that names other issuers whose tokens are accepted."`
	AccessTTL            string `name:"access-ttl" default:"10m" env:"PARLEY_ACCESS_TTL" placeholder:"TIME" help:"Life of an access token."`
	SessionIdle          string `name:"session-idle" default:"720h" env:"PARLEY_SESSION_IDLE" placeholder:"TIME" help:"How long a session lasts that is not used."`
	SessionMax           string `name:"session-max" default:"2160h" env:"PARLEY_SESSION_MAX" placeholder:"TIME" help:"How long a session lasts in all, until its user has to sign in again."`
	Signup               string `env:"PARLEY_SIGNUP" placeholder:"open|invite|closed" help:"Whether anybody may sign up. invite and closed are the same: an invite or an admin is needed. Open on a loopback address without trusted proxies, for requests that no proxy forwarded, else closed."`
	Origins              string `env:"PARLEY_ORIGINS" placeholder:"ORIGIN,…" help:"Origins whose pages may act for their users, such as https://example.org."`
	TrustedProxies       string `env:"PARLEY_TRUSTED_PROXIES" placeholder:"ADDRESS,…" help:"Addresses or networks of proxies whose X-Forwarded-* headers are believed."`
	BasePath             string `default:"/" env:"PARLEY_BASE_PATH" placeholder:"PATH" help:"Path under which everything is mounted, besides the root."`
	CookieName           string `name:"cookie-name" default:"parley" env:"PARLEY_COOKIE_NAME" placeholder:"NAME" help:"What the cookies' names begin with. Browsers do not tell the ports of one host apart: give each service there a name of its own."`
	MetricsListen        string `env:"PARLEY_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Address of its own for /metrics."`
	Ping                 string `default:"15s" env:"PARLEY_PING" placeholder:"TIME" help:"How often an idle stream says that it lives, ± 10 %."`
	Rotate               string `default:"1h" env:"PARLEY_ROTATE" placeholder:"TIME" help:"How long a stream lives before its client has to come back, ± 10 %."`
	Streams              string `default:"auto" env:"PARLEY_STREAMS" placeholder:"auto|portable" help:"portable drives each stream by a goroutine of its own, also where parley could do with a few for all."`
	TLSCert              string `name:"tls-cert" env:"PARLEY_TLS_CERT" placeholder:"FILE" help:"PEM file of the certificate and the chain behind it, to speak HTTPS; a renewed one is taken up without a restart."`
	TLSKey               string `name:"tls-key" env:"PARLEY_TLS_KEY" placeholder:"FILE" help:"PEM file of the certificate's key."`
	MaxChatsPerUser      string `name:"max-chats-per-user" default:"1000" env:"PARLEY_MAX_CHATS_PER_USER" placeholder:"N" help:"How many chats one user may be in."`
	MaxStreams           string `name:"max-streams" env:"PARLEY_MAX_STREAMS" placeholder:"N" help:"How many streams there may be; three fourths of the descriptors that the process may have if absent."`
	MaxConnections       string `name:"max-connections" env:"PARLEY_MAX_CONNECTIONS" placeholder:"N" help:"How many connections may be open, those of streams included; where a new one finds them all taken, the one that has been idle longest is closed. Seven eighths of the descriptors that the process may have if absent."`
	MaxStreamsPerUser    string `name:"max-streams-per-user" default:"1000" env:"PARLEY_MAX_STREAMS_PER_USER" placeholder:"N" help:"How many of them one user may have, on all instances together."`
	MaxStreamsPerAddress string `name:"max-streams-per-address" default:"4096" env:"PARLEY_MAX_STREAMS_PER_ADDRESS" placeholder:"N" help:"How many may come from one address, as trusted proxies tell it; this machine's own is not counted."`
	StreamMemory         string `name:"stream-memory" default:"64" env:"PARLEY_STREAM_MEMORY" placeholder:"MIB" help:"How much of the newest messages is kept in memory for streams, in MiB; what is not there is read from the database."`
	PostRate             string `name:"post-rate" default:"50" env:"PARLEY_POST_RATE" placeholder:"N" help:"How many messages a second one user may post, for long; 20 times as many at once."`
	StreamRate           string `name:"stream-rate" default:"20" env:"PARLEY_STREAM_RATE" placeholder:"N" help:"How many streams a second one user may open, for long, and one address five times as many; at once all that may be open, twice."`
	LoginRate            string `name:"login-rate" default:"10" env:"PARLEY_LOGIN_RATE" placeholder:"N" help:"How many wrong passwords a minute may come from one address, for long; three times as many at once."`
	SignupRate           string `name:"signup-rate" default:"60" env:"PARLEY_SIGNUP_RATE" placeholder:"N" help:"How many users an hour one address may sign up."`
	Limits               string `default:"on" env:"PARLEY_LIMITS" placeholder:"on|off" help:"off lifts every rate and count limit, for tests and benchmarks."`
}

// withDefaults fills what is empty.
func (s Settings) withDefaults() Settings {
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		if v.Field(i).String() == "" {
			v.Field(i).SetString(v.Type().Field(i).Tag.Get("default"))
		}
	}
	return s
}

// Mistake is one setting that is no good. Its text is one line that names the
// setting and the cure.
type Mistake struct {
	// Setting is the flag's name without its dashes.
	Setting string
	Cure    string
}

func (m *Mistake) Error() string { return "--" + m.Setting + ": " + m.Cure }

// Check tells every mistake in the settings at once, each a [*Mistake] joined by
// [errors.Join], or nil.
func (s Settings) Check() error {
	_, err := s.plan()
	return err
}

// plan is what the settings come to.
type plan struct {
	listen, metricsListen string
	loopback              bool
	data                  string
	database              string
	bus                   busPlan
	secret                []byte // nil: in the data folder
	previousSecret        []byte // nil: in the data folder, or none
	issuers               []issuers.Config
	accessTTL             time.Duration
	signUps               handlers.SignUps
	origins               []string
	cookieName            string
	basePath              string // "" for the root, else without a slash at its end
	trusted               []netip.Prefix
	tls                   certificateFiles
	certificate           *tls.Certificate // nil: HTTP in the clear
	ping, rotate          time.Duration
	portable              bool
	streamLimits          stream.Limits
	maxConns              int // 0: no bound
	streamMemory          int // bytes
	maxChats, maxSignIns  int // of one user; 0 is any number
	maxTokens             int // of one user; 0 is any number
	sessionIdle           time.Duration
	sessionMost           time.Duration
	rates                 *rates.Settings // nil: no limits
}

// reading collects the mistakes found while settings are read.
type reading struct{ mistakes []error }

func (r *reading) mistake(setting, format string, args ...any) {
	r.mistakes = append(r.mistakes, &Mistake{setting, fmt.Sprintf(format, args...)})
}

// The least and most of the settings that are times.
const (
	minAccessTTL = time.Second
	maxAccessTTL = 24 * time.Hour
	minSession   = time.Minute
	maxSession   = 10 * 365 * 24 * time.Hour
	minPing      = 100 * time.Millisecond
	maxPing      = 5 * time.Minute
	minRotate    = 100 * time.Millisecond
	maxRotate    = 30 * 24 * time.Hour
)

func (s Settings) plan() (plan, error) {
	s = s.withDefaults()
	var r reading
	p := plan{
		listen:      r.address("listen", s.Listen),
		data:        s.Data,
		database:    r.database(s),
		secret:      r.signingSecret(s),
		accessTTL:   r.duration("access-ttl", s.AccessTTL, minAccessTTL, maxAccessTTL),
		sessionIdle: r.duration("session-idle", s.SessionIdle, minSession, maxSession),
		sessionMost: r.duration("session-max", s.SessionMax, minSession, maxSession),
		origins:     r.origins(s.Origins),
		trusted:     r.networks(s.TrustedProxies),
		tls:         certificateFiles{s.TLSCert, s.TLSKey},
		ping:        r.duration("ping", s.Ping, minPing, maxPing),
		rotate:      r.duration("rotate", s.Rotate, minRotate, maxRotate),
	}
	p.previousSecret = r.secret("jwt-previous-secret", s.JWTPreviousSecret)
	p.issuers = r.issuers(s.Issuers)
	p.certificate = r.certificate(p.tls)
	p.loopback = isLoopback(p.listen)
	p.signUps = r.signUps(s.Signup, p.loopback && len(p.trusted) == 0)
	p.basePath = r.basePath(s.BasePath)
	p.cookieName = s.CookieName
	if wrong := middleware.CheckCookieName(p.cookieName); wrong != "" {
		r.mistake("cookie-name", "%q %s: write a word, such as parley", p.cookieName, wrong)
	}
	if s.MetricsListen != "" {
		p.metricsListen = r.address("metrics-listen", s.MetricsListen)
	}
	if s.Streams != "auto" && s.Streams != "portable" {
		r.mistake("streams", "%q is neither auto nor portable", s.Streams)
	}
	p.portable = s.Streams == "portable"
	p.streamLimits = r.streamLimits(s)
	p.maxConns = r.maxConns(s)
	p.maxChats = r.maxChats(s)
	p.rates = r.rates(s, p.streamLimits)
	if s.Limits != "off" {
		p.maxSignIns = chat.MaxSignIns
		p.maxTokens = chat.MaxTokens
	}
	if inBounds := p.sessionMost >= minSession && p.sessionIdle <= maxSession; inBounds && p.sessionMost < p.sessionIdle {
		r.mistake("session-max", "%s is shorter than --session-idle: take at least %s", s.SessionMax, s.SessionIdle)
	}
	p.streamMemory = r.number("stream-memory", s.StreamMemory, 1, 1<<20) << 20
	p.bus = r.bus(s)
	return p, errors.Join(r.mistakes...)
}

func (r *reading) address(setting, s string) string {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.mistake(setting, "%q is no address: write host:port, such as 127.0.0.1:8080", s)
	}
	return s
}

// basePath reads the path under which everything is mounted.
func (r *reading) basePath(s string) string {
	base := strings.TrimSuffix(s, "/")
	for i, segment := range strings.Split(base, "/") {
		first, plain := i == 0, strings.Trim(segment, pathCharacters) == ""
		if first != (segment == "") || !plain || segment == "." || segment == ".." {
			r.mistake("base-path", "%q is no path to mount at: write one such as /chat, of letters, digits and -._~ between its slashes", s)
			return ""
		}
	}
	return base
}

// pathCharacters need no encoding in a path (RFC 3986 section 2.3), so there is one way
// to write it.
const pathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// isPostgres says that a database is a server's, and not a file.
func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// database reads what only the database needs to be known. Its text may hold a
// password and is never repeated.
func (r *reading) database(s Settings) string {
	path, isFile := strings.CutPrefix(s.Database, "sqlite:")
	switch {
	case s.Database == "":
		return ""
	case isFile && path != "":
		return s.Database
	case !isPostgres(s.Database):
		r.mistake("database", "write postgres://user:password@host/name, or leave it out for SQLite in the data folder")
	default:
		r.postgresAddress("database", s.Database)
	}
	return s.Database
}

// postgresAddress reads the address of a database on a server.
func (r *reading) postgresAddress(setting, s string) {
	if u, err := url.Parse(s); err != nil || u.Path == "" || u.Path == "/" {
		r.mistake(setting, "is no address of a database: write postgres://user:password@host/name, with %%XX for what a URL cannot hold")
	}
}

// minSecret and minKinds keep out what can be guessed: short secrets, and those
// made of a few characters over and over.
const (
	minSecret = 32
	minKinds  = 8
)

const makeSecret = `make one with "openssl rand -hex 32"`

// signingSecret reads the secret that new tokens are signed with.
func (r *reading) signingSecret(s Settings) []byte {
	if s.JWTSecret == "" && isPostgres(s.Database) {
		r.mistake("jwt-secret", "is needed with postgres://, the same for all instances: "+makeSecret)
	}
	return r.secret("jwt-secret", s.JWTSecret)
}

// secret reads a secret; nil is none.
func (r *reading) secret(setting, s string) []byte {
	if s == "" {
		return nil
	}
	kinds := make(map[byte]struct{})
	for i := range len(s) {
		kinds[s[i]] = struct{}{}
	}
	switch {
	case len(s) < minSecret:
		r.mistake(setting, "is weak: it has %d bytes and needs %d: %s", len(s), minSecret, makeSecret)
	case len(kinds) < minKinds:
		r.mistake(setting, "is weak: it repeats a few characters: %s", makeSecret)
	}
	return []byte(s)
}

// issuers reads the file that names other issuers.
func (r *reading) issuers(path string) []issuers.Config {
	if path == "" {
		return nil
	}
	configs, err := issuers.Read(path)
	mistakes := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = many.Unwrap()
	}
	for _, mistake := range mistakes {
		if mistake != nil {
			r.mistake("issuers", "%s", oneLine(mistake))
		}
	}
	return configs
}

func (r *reading) duration(setting, s string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.mistake(setting, "%q is no time: write a number and its unit, such as 30s or 10m", s)
	case d < least || d > most:
		r.mistake(setting, "%s is out of bounds: take %s to %s", s, least, most)
	}
	return d
}

func (r *reading) signUps(s string, direct bool) handlers.SignUps {
	switch s {
	case "":
		if direct {
			return handlers.SignUpsDirect
		}
		return handlers.SignUpsClosed
	case "open":
		return handlers.SignUpsOpen
	case "closed", "invite":
		return handlers.SignUpsClosed
	default:
		r.mistake("signup", "%q is neither open nor closed nor invite", s)
	}
	return handlers.SignUpsClosed
}

func (r *reading) origins(list string) []string {
	origins := split(list)
	for _, s := range origins {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.ContainsAny(s, "*") ||
			s != u.Scheme+"://"+u.Host {
			r.mistake("origins", "%q is no origin: write scheme and host alone, such as https://example.org; neither * nor null can be listed", s)
		}
	}
	return origins
}

func (r *reading) networks(list string) []netip.Prefix {
	var networks []netip.Prefix
	for _, s := range split(list) {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(s); err == nil {
				network = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		switch {
		case err != nil:
			r.mistake("trusted-proxies", "%q is neither an address nor a network: write 10.0.0.7 or 10.0.0.0/24", s)
		case network.Bits() == 0:
			r.mistake("trusted-proxies", "%s is everybody, who could then claim any origin: name the proxies' own network", s)
		default:
			networks = append(networks, network)
		}
	}
	return networks
}

// split reads a list with commas between its elements.
func split(list string) []string {
	var elements []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			elements = append(elements, s)
		}
	}
	return elements
}
