package sqlite

import (
	"errors"
	"log/slog"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrMoved says that a database's files are not those that were opened: they were taken
	// away, or others were put in their place. What is committed would be lost with them.
	ErrMoved = errors.New("the database's files were taken away or replaced")
	// ErrDamaged says that SQLite has found the file damaged. Until a restart nothing is
	// written to it.
	ErrDamaged = errors.New("the database file is damaged: stop the server and restore a backup")
)

// Guard notices what happens to a database's files while they are open. Its methods may be
// called by many goroutines at once.
type Guard struct {
	path string
	log  *slog.Logger

	mu sync.Mutex
	// file and wal are those that were opened; opened says that some were.
	file, wal fileID
	opened    bool
	moved     bool
	damaged   bool
}

// NewGuard guards the database at path, which may be a link.
func NewGuard(path string, log *slog.Logger) *Guard { return &Guard{path: path, log: log} }

// watch notes which files a connection has just opened. SQLite makes the write-ahead log
// anew when there was no connection; the file itself stays the same.
func (g *Guard) watch() error {
	file, err := identify(g.path)
	if err != nil {
		return err
	}
	wal, err := identify(g.path + "-wal")
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened && !g.file.is(g.path) {
		return ErrMoved
	}
	g.file, g.wal, g.opened = file, wal, true
	return nil
}

// Check looks whether the files are those that were opened. It costs two system calls.
func (g *Guard) Check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.damaged {
		return ErrDamaged
	}
	if !g.opened {
		return nil
	}
	moved := !g.file.is(g.path) || !g.wal.is(g.path+"-wal")
	switch {
	case moved && !g.moved:
		g.log.Error("nothing is stored", "error", ErrMoved, "file", g.path)
	case g.moved && !moved:
		g.log.Warn("the database's files are back", "file", g.path)
	}
	if g.moved = moved; moved {
		return ErrMoved
	}
	return nil
}

// Moved is ErrMoved as long as the files that were found to be others are not back.
func (g *Guard) Moved() error {
	g.mu.Lock()
	moved := g.moved
	g.mu.Unlock()
	if !moved {
		return nil
	}
	if err := g.Check(); errors.Is(err, ErrMoved) {
		return err
	}
	return nil
}

// refuses is why nothing may be written.
func (g *Guard) refuses() error {
	g.mu.Lock()
	damaged := g.damaged
	g.mu.Unlock()
	if damaged {
		return ErrDamaged
	}
	return g.Moved()
}

// Note looks whether an error tells of damage, which is logged once.
func (g *Guard) Note(err error) {
	if c := code(err); c != sqlite3.SQLITE_CORRUPT && c != sqlite3.SQLITE_NOTADB {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.damaged {
		g.damaged = true
		g.log.Error("nothing is stored until a restart", "error", ErrDamaged, "found", err, "file", g.path)
	}
}
