package repository

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/e2e/need"
	"parley/stream"
)

var _ stream.Log = (*Repository)(nil)

// databases are those that every test runs against.
var databases = []string{"sqlite", "postgres"}

// eachDatabase runs one body against SQLite and against PostgreSQL, each time on
// a fresh database, beside other tests.
func eachDatabase(t *testing.T, body func(t *testing.T, s *store)) {
	t.Helper()
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body(t, freshStore(t, name))
		})
	}
}

// store is a database that a test may open as often as it likes.
type store struct{ url string }

func freshStore(t testing.TB, database string) *store {
	if database == "sqlite" {
		return &store{url: "sqlite:" + filepath.Join(t.TempDir(), "parley.db")}
	}
	return &store{url: need.Postgres(t)}
}

// openTwo opens the store in two instances. A SQLite file has one that serves, and
// so it is the same twice: SQLite hands its lock on in no order, and one of two
// that write all the time may starve.
func (s *store) openTwo(t testing.TB) (here, there *Repository) {
	t.Helper()
	here = s.open(t)
	if strings.HasPrefix(s.url, "sqlite:") {
		return here, here
	}
	return here, s.open(t)
}

// open opens the store and closes it when the test ends.
func (s *store) open(t testing.TB, change ...func(*Options)) *Repository {
	t.Helper()
	o := Options{URL: s.url, PostKey: []byte("a key for the tests of repository")}
	for _, c := range change {
		c(&o)
	}
	r, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestTheDatabasesClockIsRead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		at, err := r.Clock(t.Context())
		if off := time.Since(at); err != nil || off.Abs() > time.Minute {
			t.Errorf("it is off by %v, %v", off, err)
		}
	})
}

func TestTheHeadOfAFreshDatabaseIsZero(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		eventually(t, "ready", func() bool { return r.Ready(t.Context()) == nil })
		if _, head, err := r.After(t.Context(), 0, 10); err != nil || head != 0 {
			t.Fatalf("head %d, %v", head, err)
		}
	})
}
