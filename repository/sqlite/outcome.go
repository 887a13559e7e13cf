package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/repository/commitlog"
)

// Outcome is what an error means for the transaction that it ended, or for a read.
func Outcome(err error) commitlog.Outcome {
	if errors.Is(err, context.DeadlineExceeded) {
		return commitlog.TimedOut
	}
	if errors.Is(err, ErrMoved) || errors.Is(err, ErrDamaged) {
		return commitlog.Unavailable
	}
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return commitlog.Blocked
	case sqlite3.SQLITE_INTERRUPT:
		return commitlog.TimedOut
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return commitlog.Unavailable
	}
	// Nothing stands between this process and its own connection.
	if commitlog.Lost(err) {
		return commitlog.ConnectionLost
	}
	return commitlog.Refused
}

// Away says that an error of a read tells of the database, not of what was asked.
func Away(err error) bool { return Outcome(err) != commitlog.Refused }

// isUnique says that a unique index refused a row.
func isUnique(err error) bool {
	var refused *sqlite.Error
	return errors.As(err, &refused) && refused.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// code is SQLite's primary result code; 0 for an error that is not SQLite's.
func code(err error) int {
	var refused *sqlite.Error
	if !errors.As(err, &refused) {
		return 0
	}
	return refused.Code() & 0xff
}
