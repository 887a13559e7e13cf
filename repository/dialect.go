package repository

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/migrations"
)

// dialect is all in which the two databases differ once they are open.
type dialect struct {
	name       string
	goose      goose.Dialect
	migrations fs.FS
	// bind is the form of arguments in a statement.
	bind int
	// snapshot is the isolation in which a transaction reads one moment.
	snapshot sql.IsolationLevel

	// among compares with any of many values, which list makes one argument of.
	among string
	list  func(values []string) any
	// each is a table with a row for each element of a JSON array; its column is value.
	each string

	// now is the database's clock, in milliseconds.
	now string
	// uncounted says of a message o of chat c that it is behind countedTo.
	uncounted string
	// remote says that the database is another process: a message to it costs as much as
	// what it does, and it does that on another processor.
	remote bool
	// beside runs fn in a transaction that changes nothing by which posts are decided.
	// Posts wait for it only where they must.
	beside func(ctx context.Context, r *Repository, fn func(ctx context.Context, c changer) error) error

	// scrub takes what was erased from where the database keeps it besides its tables.
	scrub func(ctx context.Context, pool *sqlx.DB) error

	// link prepares what the writer does on a connection.
	link func(ctx context.Context, conn *sqlx.Conn, h handle) (link, error)
	// durable is nil if the connection's commits are on the disk when they return.
	durable func(ctx context.Context, h handle) error
	// away says that err tells of the database, not of what was asked of it.
	away func(err error) bool
	// spoiled says that the writer's connection that gave err may not do for anything
	// else either.
	spoiled func(err error) bool
}

func (d *dialect) rebind(query string) string { return sqlx.Rebind(d.bind, query) }

var sqliteDialect = &dialect{
	name:       "sqlite",
	goose:      goose.DialectSQLite3,
	migrations: sub(migrations.SQLite, "sqlite"),
	bind:       sqlx.QUESTION,
	snapshot:   sql.LevelDefault,
	among:      `IN (SELECT value FROM json_each(?))`,
	each:       `json_each(?)`,
	list: func(values []string) any {
		list, err := json.Marshal(values)
		if err != nil { // strings have a JSON form
			panic(err)
		}
		return string(list)
	},
	now: `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
	// Two columns in one comparison would not make it look for the second.
	uncounted: `o.id > ` + countedTo,
	beside:    besideInABatch,
	scrub:     emptyLog,
	link:      newSQLiteLink,
	durable:   sqliteDurable,
	away: func(err error) bool {
		switch sqliteCode(err) & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
			sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
			return true
		}
		return false
	},
	// Such a connection is this process's own, and nobody stands between.
	spoiled: func(error) bool { return false },
}

var postgresDialect = &dialect{
	name:       "postgres",
	goose:      goose.DialectPostgres,
	migrations: sub(migrations.Postgres, "postgres"),
	bind:       sqlx.DOLLAR,
	snapshot:   sql.LevelRepeatableRead,
	among:      `= ANY(?)`,
	each:       `json_array_elements(CAST(? AS json)) AS e (value)`,
	list:       func(values []string) any { return pq.Array(values) },
	now:        `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)`,
	// The id alone could make it look in the primary key, where all chats are.
	uncounted: `(o.chat, o.id) > (c.id, ` + countedTo + `)`,
	remote:    true,
	beside:    besideTheWriter,
	scrub:     leaveLog,
	link:      newPostgresLink,
	durable:   postgresDurable,
	away: func(err error) bool {
		var refused *pq.Error
		if !errors.As(err, &refused) {
			return false
		}
		switch refused.Code {
		case "25006", // read-only: this server is no primary any more
			"25P03": // the transaction was ended for idling, because this process stood still
			return true
		}
		switch refused.Code.Class() {
		case "08": // connection exception; 08P01 is a message that it could not read
			return refused.Code != "08P01"
		case "40", // rollback: deadlock
			"53", // insufficient resources: disk full, too many connections
			"55", // object not in prerequisite state: lock timeout
			"57", // operator intervention: shutdown, cancelled, statement timeout
			"58": // system error
			return true
		}
		return false
	},
	// A pooler, or whoever said DISCARD ALL, may have taken the prepared statements
	// away; and of what else can be wrong with a connection there is no list. So only
	// those errors are let pass that are about a value.
	spoiled: func(err error) bool {
		var refused *pq.Error
		if !errors.As(err, &refused) {
			return true
		}
		class := refused.Code.Class()
		return class != "22" && class != "23" // data exception, integrity constraint violation
	},
}

func sqliteCode(err error) int {
	var refused *sqlite.Error
	if !errors.As(err, &refused) {
		return 0
	}
	return refused.Code()
}

// sub is a folder of an embedded file system; it is there, or the program would
// not have been built.
func sub(fsys fs.FS, folder string) fs.FS {
	f, err := fs.Sub(fsys, folder)
	if err != nil {
		panic(err)
	}
	return f
}
