package e2e

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// house says of each package which other packages of parley it may import, and
// why no others. A package that is not here may not exist.
var house = map[string]struct {
	imports string // names, or "*"
	reason  string
}{
	".":                    {"cli", "main is one line; what it calls can be tested"},
	"chat":                 {"", "what a chat is depends on nobody, so everybody can speak its words"},
	"migrations":           {"", "the schema is text"},
	"clients/js":           {"", "the client is files"},
	"embedded":             {"", "it serves files, whatever they are"},
	"web":                  {"clients/js embedded", "the page is files, and stands on the client; it speaks to the service over HTTP"},
	"docs":                 {"embedded", "documents are files"},
	"docs/reference":       {"", "it makes a document of another, and nothing that serves needs it"},
	"auth":                 {"chat", "who somebody is, is decided without a database driver and without HTTP"},
	"auth/issuers":         {"auth chat", "what another issuer's token says is decided without what stores or asks for it"},
	"stream":               {"chat", "readers follow a log that they know by a small interface; what stores it is not theirs"},
	"stream/natsbus":       {"", "it carries bytes, and need not know what they say"},
	"rates":                {"chat", "how often is counted by keys, without knowing what is asked"},
	"middleware":           {"chat rates", "what stands before every request knows no use case"},
	"client":               {"chat", "a client sees what is on the wire, and shares the server's words alone"},
	"repository":           {"auth chat migrations repository/commitlog repository/postgres repository/posts repository/sqlite", "everything stored is here, and nothing that asks for it"},
	"repository/commitlog": {"", "the group commit knows neither what is stored nor in which SQL, so it can be understood alone"},
	"repository/posts":     {"chat repository/commitlog", "what a post is decided by is decided in Go, without SQL"},
	"repository/postgres":  {"chat repository/commitlog repository/posts", "a database is driven below the nouns, and knows neither them nor the other database"},
	"repository/sqlite":    {"chat repository/commitlog repository/posts", "a database is driven below the nouns, and knows neither them nor the other database"},
	"handlers":             {"auth chat docs middleware rates stream web", "HTTP in, one call, HTTP out: the store is known by chat's and auth's interfaces"},
	"handlers/emojis":      {"", "it writes a file, and nothing that serves needs it"},
	"server":               {"auth auth/issuers chat docs handlers middleware migrations rates repository stream stream/natsbus web", "it ties the knot, for the command line, tests and benchmarks alike: so it knows neither cli nor client"},
	"ephemeral":            {"auth chat client server", "it fills a server as any client does; what it makes beside the server is users alone"},
	"parleytest":           {"auth client ephemeral server", "a test holds a server as a value, and sees of it what clients see"},
	"cli":                  {"auth chat client ephemeral repository server", "commands start a server, work beside one, or are a client of one"},
	"deploy":               {"", "what is deployed is files"},
	"deploy/cluster":       {"deploy e2e/need e2e/need/machine", "it runs programs, and is linked with none of them"},
	"bench":                {"*", "benchmarks measure every part"},
	"e2e":                  {"*", "tests of the whole"},
	"e2e/sse":              {"", "a judge of the wire must not share code with what writes it"},
	"e2e/need":             {"e2e/need/machine", "what tests stand on must not stand on what is tested"},
	"e2e/chaos":            {"e2e/chaos/history e2e/chaos/load e2e/chaos/mistakes e2e/chaos/site e2e/chaos/wire e2e/need client", "it breaks what is around processes, and sees of them what clients see"},
	"e2e/chaos/history":    {"", "a judge shares nothing with what it judges"},
	"e2e/chaos/load":       {"client e2e/chaos/history e2e/sse", "clients know the contract, and one of them is the Go client"},
	"e2e/chaos/mistakes":   {"e2e/chaos/overlay", "what is broken is text, and nothing of it is compiled into anything else"},
	"e2e/chaos/overlay":    {"", "a file is a text to it"},
	"e2e/chaos/site":       {"e2e/chaos/history e2e/chaos/overlay", "the log is read back past the program"},
	"e2e/chaos/wire":       {"", "a network knows nobody"},
	"e2e/need/natsserver":  {"", "what tests stand on must not stand on what is tested"},
	"e2e/described":        {"", "what is judged is seen on the wire alone"},
	"e2e/described/judge":  {"docs e2e/described", "the description judges, and nothing else"},
	"e2e/leak":             {"", "every package's tests may end with it"},
	"e2e/vet":              {"", "it reads the house's sources and imports none"},
	"e2e/need/machine":     {"", "it runs before any module has been fetched"},
	"e2e/need/install":     {"e2e/need/machine", "it runs before any module has been fetched"},
}

// technologies says of each package from outside (or of all below a path) which
// files may import it, and why no others. What is not here may not be imported;
// of the standard library, what is not here may be imported everywhere.
var technologies = map[string]struct {
	files  string // packages, or files
	reason string
}{
	"database/sql":                               {"repository repository/postgres repository/sqlite repository/commitlog/outcome.go repository/posts/row.go e2e/need e2e/chaos e2e/chaos/site bench", "SQL is spoken in one place; the group commit knows only the driver's errors"},
	"github.com/jmoiron/sqlx":                    {"repository repository/postgres repository/sqlite bench", "SQL is spoken in one place"},
	"github.com/lib/pq":                          {"repository repository/postgres e2e/need e2e/chaos/site bench", "SQL is spoken in one place, notifications included"},
	"modernc.org/sqlite":                         {"repository/sqlite e2e/chaos/site bench", "one package drives SQLite; what judges it reads the file by itself"},
	"github.com/pressly/goose/v3":                {"repository", "the schema is applied by what opens the database"},
	"github.com/gin-gonic/gin":                   {"handlers middleware server bench", "below the handlers a request is a context and arguments; in the benchmarks a rival stands under it"},
	"github.com/appleboy/gin-jwt/v2":             {"middleware/jwt.go", "its traps are closed in one file"},
	"github.com/golang-jwt/jwt/v4":               {"middleware/jwt.go", "tokens are checked in one place"},
	"github.com/go-jose/go-jose/v4":              {"auth/issuers", "other issuers' tokens and keys are read in one place"},
	"github.com/rs/cors":                         {"middleware", "foreign origins are decided in one place"},
	"net/http":                                   {"auth! chat! repository! repository/commitlog! repository/posts! repository/postgres! repository/sqlite! migrations!", "what is decided and stored is not decided by HTTP"},
	"github.com/r3labs/sse/v2":                   {"client e2e/chaos/load/bare.go bench", "its habits are cured behind one wrapper; in the benchmarks its server is the baseline"},
	"github.com/alexedwards/argon2id":            {"auth", "passwords are hashed behind one gate"},
	"golang.org/x/text":                          {"auth", "a password has one form"},
	"github.com/alecthomas/kong":                 {"cli", "settings are a value; only the command line reads arguments"},
	"golang.org/x/term":                          {"cli", "only the command line has a terminal"},
	"github.com/rogpeppe/go-internal/lockedfile": {"cli/credentials.go", "one lock between commands, on every system"},
	"github.com/hashicorp/golang-lru/v2":         {"auth auth/issuers middleware rates repository repository/posts", "tokens that were found good, where accounts were signed in from, what never changes of messages, and those of late as they stand"},
	"github.com/google/uuid":                     {"client bench", "a key that is made up begins with the time"},
	"golang.org/x/sys":                           {"stream bench repository/sqlite/stat_unix.go repository/sqlite/file_linux.go", "sockets without net/http and the kernel that sees them; what tells one file from another"},
	"gonum.org/v1/plot":                          {"bench", "only what was measured is drawn"},
	"golang.org/x/sync":                          {"auth repository stream middleware handlers server client bench e2e/chaos", "small parts of concurrency; chat has none"},
	"github.com/go-json-experiment/json":         {"auth/issuers handlers middleware stream client ephemeral bench", "strict JSON at the wire; chat's types carry tags alone"},
	"go.uber.org/goleak":                         {"e2e/leak", "how long to wait for what is about to end is decided in one place"},
	"golang.org/x/tools":                         {"e2e/vet", "it checks sources; nothing that serves does"},
	"github.com/nats-io/nats.go":                 {"stream/natsbus e2e/bus_test.go e2e/chaos/site", "one package speaks to NATS"},
	"github.com/nats-io/nats-server/v2":          {"e2e/need/natsserver e2e/chaos/site deploy/cluster bench", "a server is only needed by what tests, shows or measures the bus"},
	"github.com/prometheus/client_golang":        {"handlers middleware repository repository/commitlog server stream stream/natsbus bench", "each part counts what it does; chat and auth decide and count nothing"},
	"github.com/pb33f":                           {"e2e/described/judge", "tests alone hold anything to the description"},
	"github.com/goccy/go-yaml":                   {"docs/reference e2e/described/judge", "the program reads no YAML"},
	"github.com/forPelevin/gomoji":               {"handlers/emojis", "its list takes ten milliseconds of every start"},
}

// TestWhoMayImportWhom reads every file that is no test, whatever system it is
// built for.
func TestWhoMayImportWhom(t *testing.T) {
	imports := importsBelow(t, "..")
	if len(imports) < 50 {
		t.Fatalf("only %d imports found: this test looks in the wrong folder", len(imports))
	}
	for _, breach := range breaches(imports) {
		t.Error(breach)
	}
}

// TestTheLawForbids shows that the test above can fail.
func TestTheLawForbids(t *testing.T) {
	for _, forbidden := range []importing{
		{"chat/chat.go", "parley/auth"},
		{"chat/chat.go", "github.com/google/uuid"},
		{"chat/chat.go", "net/http"},
		{"auth/passwords.go", "parley/repository"},
		{"auth/passwords.go", "net/http/cookiejar"},
		{"stream/broker.go", "parley/repository"},
		{"handlers/chats.go", "parley/repository"},
		{"handlers/chats.go", "github.com/lib/pq"},
		{"handlers/chats.go", "database/sql/driver"},
		{"repository/open.go", "github.com/gin-gonic/gin/binding"},
		{"repository/open.go", "net/http"},
		{"repository/open.go", "modernc.org/sqlite/lib"},
		{"repository/commitlog/log.go", "parley/chat"},
		{"repository/commitlog/log.go", "database/sql"},
		{"repository/posts/decide.go", "github.com/jmoiron/sqlx"},
		{"repository/postgres/conn.go", "parley/repository/sqlite"},
		{"repository/sqlite/conn.go", "parley/repository"},
		{"middleware/cookies.go", "github.com/appleboy/gin-jwt/v2"},
		{"server/server.go", "parley/client"},
		{"server/server.go", "parley/cli"},
		{"stream/frames.go", "github.com/r3labs/sse/v2"},
		{"chat/helpers/strings.go", ""}, // a package that nobody gave a reason for
		{"handlers/chats.go", "github.com/gin-gonic/gin-contrib"},
	} {
		if len(breaches([]importing{forbidden})) == 0 {
			t.Errorf("%s may import %s", forbidden.file, forbidden.path)
		}
	}
	for _, allowed := range []importing{
		{"chat/chat.go", "errors"},
		{"repository/open.go", "github.com/jmoiron/sqlx"},
		{"repository/sqlite/outcome.go", "modernc.org/sqlite/lib"},
		{"repository/commitlog/outcome.go", "database/sql/driver"},
		{"middleware/jwt.go", "github.com/appleboy/gin-jwt/v2"},
		{"handlers/chats.go", "net/http"},
		{"server/server.go", "parley/repository"},
	} {
		for _, breach := range breaches([]importing{allowed}) {
			t.Error(breach)
		}
	}
}

// importing is one line of one file's imports, or with an empty path the file
// itself; the file is named from the project's folder.
type importing struct{ file, path string }

func breaches(imports []importing) []string {
	var found []string
	for _, i := range imports {
		if why := forbidden(i); why != "" {
			found = append(found, fmt.Sprintf("%s imports %s: %s", i.file, i.path, why))
		}
	}
	return found
}

// forbidden returns why the import may not be, or "".
func forbidden(i importing) string {
	pkg := path.Dir(i.file)
	rule, known := house[pkg]
	if !known {
		return fmt.Sprintf("package %s is not in the law's table: say there whom it may know, and why", pkg)
	}
	if inner, ok := strings.CutPrefix(i.path, "parley/"); ok {
		if rule.imports == "*" || slices.Contains(strings.Fields(rule.imports), inner) {
			return ""
		}
		return rule.reason
	}
	for name, rule := range technologies {
		if i.path == name || strings.HasPrefix(i.path, name+"/") {
			if allows(rule.files, pkg, i.file) {
				return ""
			}
			return rule.reason
		}
	}
	if first, _, _ := strings.Cut(i.path, "/"); strings.Contains(first, ".") {
		return "it is not in the law's table: say there who may use it, and why"
	}
	return "" // the standard library
}

// allows reads a list of packages and files; one that is marked "!" names who may
// not, and all others may.
func allows(list, pkg, file string) bool {
	entries := strings.Fields(list)
	if strings.HasSuffix(entries[0], "!") {
		return !slices.Contains(entries, pkg+"!")
	}
	return slices.Contains(entries, pkg) || slices.Contains(entries, file)
}

// importsBelow reads the imports of all Go files below the folder but tests.
func importsBelow(t *testing.T, root string) []importing {
	t.Helper()
	var found []importing
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if base == "testdata" || base == "parley-data" || len(base) > 2 && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		found = append(found, importing{file: filepath.ToSlash(relative)})
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found = append(found, importing{filepath.ToSlash(relative), imported})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
