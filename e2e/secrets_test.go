package e2e

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// secrets are all passwords, tokens, cookies and texts that the suite has used.
var secrets recorder

// recorder remembers what no process of the suite may print.
type recorder struct {
	mu     sync.Mutex
	values map[string]string // what it is
	short  map[string]string
}

// shortest is the least length of what is searched for. Shorter texts are found
// in times and request ids by chance, so tests may not use them.
const shortest = 5

// add remembers a value; kind says what it is, for whoever reads the failure.
func (r *recorder) add(kind, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values, r.short = make(map[string]string), make(map[string]string)
	}
	switch {
	case value == "":
	case len(value) < shortest:
		r.short[value] = kind
	default:
		r.values[value] = kind
	}
}

// addSettings remembers what is secret in a process's arguments and environment:
// the key, and the database's password.
func (r *recorder) addSettings(settings []string) {
	for i, setting := range settings {
		if i > 0 && (settings[i-1] == "--jwt-secret" || settings[i-1] == "--jwt-previous-secret") {
			r.add("the key", setting)
		}
		for _, name := range []string{"PARLEY_JWT_SECRET=", "PARLEY_JWT_PREVIOUS_SECRET="} {
			if value, ok := strings.CutPrefix(setting, name); ok {
				r.add("the key", value)
			}
		}
		if at := strings.Index(setting, "postgres://"); at >= 0 {
			if u, err := url.Parse(setting[at:]); err == nil {
				password, _ := u.User.Password()
				r.add("the database's password", password)
			}
		}
	}
}

// newPassword makes up a password.
func newPassword() string {
	password := "password-" + rand.Text()
	secrets.add("a password", password)
	return password
}

// leaks searches everything that was printed, which is in the folder, and says where it holds a secret. A
// text that is too short to be searched for is a leak too.
func (r *recorder) leaks(folder string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for value, kind := range r.short {
		found = append(found, fmt.Sprintf("%s, %q, is too short to be searched for: tests use %d bytes or more", kind, value, shortest))
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.[oe][ur][tr]"))
	if err != nil {
		return append(found, err.Error())
	}
	needles := newNeedles(r.values)
	for _, file := range files {
		printed, err := os.ReadFile(file)
		if err != nil {
			return append(found, err.Error())
		}
		for line := range strings.Lines(string(printed)) {
			// The lines to paste at a first start propose a password and a text, and an
			// ephemeral server says in its one line how to log in.
			if filepath.Ext(file) == ".out" && (strings.HasPrefix(line, "curl ") || strings.HasPrefix(line, `{"url":`)) {
				continue
			}
			if kind := needles.in(line); kind != "" {
				found = append(found, fmt.Sprintf("a process printed %s: %s", kind, strings.TrimSpace(line)))
			}
		}
	}
	return found
}

// needles finds any of very many strings in one pass: by their first bytes, of
// which those of twelve and more bytes have twelve, so that "message 1" to
// "message 100000" are not tried at every "message".
type needles struct {
	short map[[shortest]byte][]needle
	long  map[[12]byte][]needle
}

type needle struct{ value, kind string }

// newNeedles also looks for each value as a URL and as a quoted string have it.
func newNeedles(values map[string]string) needles {
	n := needles{make(map[[shortest]byte][]needle), make(map[[12]byte][]needle)}
	for value, kind := range values {
		n.add(needle{value, kind})
		if escaped := url.QueryEscape(value); escaped != value {
			n.add(needle{escaped, kind})
		}
		if quoted := strconv.Quote(value); quoted != `"`+value+`"` {
			n.add(needle{quoted[1 : len(quoted)-1], kind})
		}
	}
	return n
}

func (n needles) add(s needle) {
	if len(s.value) >= 12 {
		key := [12]byte([]byte(s.value))
		n.long[key] = append(n.long[key], s)
		return
	}
	key := [shortest]byte([]byte(s.value))
	n.short[key] = append(n.short[key], s)
}

// in returns what the first needle found in the line is, or "".
func (n needles) in(line string) string {
	for i := range len(line) - shortest + 1 {
		rest := line[i:]
		for _, s := range n.short[[shortest]byte([]byte(rest[:shortest]))] {
			if strings.HasPrefix(rest, s.value) {
				return s.kind
			}
		}
		if len(rest) < 12 {
			continue
		}
		for _, s := range n.long[[12]byte([]byte(rest[:12]))] {
			if strings.HasPrefix(rest, s.value) {
				return s.kind
			}
		}
	}
	return ""
}
