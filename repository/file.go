package repository

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"parley/repository/sqlite"
)

// sqliteFile is a SQLite file as this process has it. One process at a time holds its
// lock: the one that serves for as long as it does, a command while it opens and closes
// the file. A command that finds the lock held works beside its holder, and leaves to it
// what concerns the file as a whole.
type sqliteFile struct {
	path  string
	serve bool
	guard *sqlite.Guard
	// lock is nil while another process holds it.
	lock *sqlite.Lock
	// life is the identity that the last close left, and known says that the log goes on
	// behind everything that was handed out.
	life  string
	known bool
}

func (r *Repository) openSQLite(ctx context.Context, path string, o Options) error {
	if path == "" {
		return errors.New("the address of the database is sqlite: and no path")
	}
	r.dialect = sqliteDialect
	if err := sqlite.MakePrivate(path); err != nil {
		return err
	}
	pools, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	r.pool, r.writing = pools.Reading, pools.Writing
	r.statements = newStatements(r.pool)
	r.reading = r.statements.inPool()
	r.file = &sqliteFile{path: path, serve: o.Serve, guard: sqlite.NewGuard(path, o.Log)}
	return r.file.open(ctx, r)
}

// open takes the lock and migrates. A command that comes while another process holds the
// lock may go on if there is nothing to migrate.
func (f *sqliteFile) open(ctx context.Context, r *Repository) (err error) {
	f.lock, err = sqlite.LockFile(ctx, f.path, lockWait)
	switch {
	case errors.Is(err, ErrServed) && f.serve:
		return err
	case errors.Is(err, ErrServed) && migrated(ctx, r.dialect, r.writing.DB):
		return nil
	case errors.Is(err, ErrServed):
		return fmt.Errorf("the database has another schema version than this program, and %w: stop that first", err)
	case err != nil:
		return err
	}
	if f.life, err = sqlite.ClosedLife(f.path); err != nil {
		return err
	}
	if f.life == "" { // something may have happened to the file since
		if err := sqlite.Whole(ctx, r.writing); err != nil {
			return err
		}
	}
	if err := migrate(ctx, r.dialect, r.writing.DB); err != nil {
		return err
	}
	return f.endsAtHead(ctx, r)
}

// endsAtHead is nil if the log's last event is where its head says. It is not where a
// write-ahead log lies beside another database than its own.
func (f *sqliteFile) endsAtHead(ctx context.Context, r *Repository) error {
	var ends bool
	err := r.writing.GetContext(ctx, &ends, `SELECT pos = (SELECT COALESCE(max(pos), 0) FROM events) FROM head WHERE one = 1`)
	if err == nil && !ends {
		err = errors.New("the log does not end at its head: the file is damaged, or its write-ahead log belongs to another: restore a backup")
	}
	return err
}

// check is nil if the files are those that were opened and not known to be damaged.
func (f *sqliteFile) check() error {
	if f == nil {
		return nil
	}
	return f.guard.Check()
}

// moved is not nil while other files are found in the place of those that were opened.
// What is read then is not what is kept.
func (f *sqliteFile) moved() error {
	if f == nil {
		return nil
	}
	return f.guard.Moved()
}

// note looks whether the error of a read tells of damage.
func (f *sqliteFile) note(err error) {
	if f != nil {
		f.guard.Note(err)
	}
}

// begin finds out whether the log goes on where it was, and makes it jump if not. Beside the
// lock's holder it goes on.
func (f *sqliteFile) begin(ctx context.Context, r *Repository) error {
	if f == nil || f.lock == nil {
		return nil
	}
	if err := sqlite.Opened(f.path); err != nil {
		return err
	}
	if err := r.resume(ctx, f.life); err != nil {
		return err
	}
	f.known = true
	if f.serve {
		return nil
	}
	return f.unlock()
}

// leave gives the database an identity that no copy of it has, and makes one complete file
// of it. Nothing else of this process uses it any more. Where a step fails there will be no
// note, and the log jumps at the next start.
func (f *sqliteFile) leave(r *Repository) {
	if f == nil || !f.known {
		return
	}
	ctx := context.Background()
	if f.lock == nil {
		var err error
		if f.lock, err = sqlite.LockFile(ctx, f.path, 0); err != nil { // the holder does it
			f.known = false
			return
		}
	}
	f.life = rand.Text()
	n, err := handle{r.writing, r.dialect}.exec(ctx, `UPDATE life SET identity = ? WHERE one = 1`, f.life)
	f.known = err == nil && n == 1
	// A reader in another process may need the log; then it stays.
	_ = sqlite.EmptyLog(ctx, r.writing)
}

// close notes the orderly end behind the closing of the file, and gives the lock back last:
// the next process that has it finds the file closed.
func (f *sqliteFile) close() (err error) {
	if f == nil {
		return nil
	}
	if f.known && f.lock != nil {
		err = sqlite.Closed(f.path, f.life)
		f.known = false
	}
	return errors.Join(err, f.unlock())
}

func (f *sqliteFile) unlock() error {
	lock := f.lock
	f.lock = nil
	return lock.Release()
}
