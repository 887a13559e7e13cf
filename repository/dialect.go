package repository

import (
	"context"
	"database/sql"
	"encoding/json"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"

	"parley/migrations"
	"parley/repository/commitlog"
	"parley/repository/postgres"
	"parley/repository/sqlite"
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
	// beside runs fn in a transaction that changes nothing by which posts are decided.
	// Posts wait for it only where they must. whose is as write says; a user is answered in time.
	beside func(ctx context.Context, r *Repository, whose string, fn func(ctx context.Context, c changer) error) error

	// behind has statements of a change run before another one, which is returned as it is to
	// be sent: with them in the same message, where a round trip costs.
	behind func(ctx context.Context, q queryer, kept []statement, s statement) (query string, args []any, err error)

	// scrub takes what was erased from where the database keeps it besides its tables.
	scrub func(ctx context.Context, pool *sqlx.DB) error

	// firstGoesOn says that the log goes on in a database that has no identity yet, because
	// an instance of the previous release may run beside, which would walk through the
	// positions that a jump leaves out.
	firstGoesOn bool

	// connect opens the connection that the log writes on. life is the identity of the life
	// of the database that it leads to; empty where all connections lead to one.
	connect func(ctx context.Context, r *Repository) (c *conn, life string, err error)
	// away says that err tells of the database, not of what was asked of it.
	away func(err error) bool
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
	behind: func(ctx context.Context, q queryer, kept []statement, s statement) (string, []any, error) {
		return s.query, s.args, oneByOne(ctx, q, kept)
	},
	scrub: sqlite.EmptyLog,
	connect: func(ctx context.Context, r *Repository) (*conn, string, error) {
		c, err := sqlite.Connect(ctx, r.writing, r.file.guard)
		if err != nil {
			return nil, "", err
		}
		finish := func(ctx context.Context, tx *commitlog.Tx, kept []statement) (commitlog.Outcome, error) {
			if err := oneByOne(ctx, c, kept); err != nil {
				return c.Outcome(err), err
			}
			return c.Raise(context.WithoutCancel(ctx), tx)
		}
		return &conn{c, handle{c, r.dialect}, finish, nil}, "", nil
	},
	away: sqlite.Away,
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
	beside:    besideTheLog,
	behind: func(_ context.Context, _ queryer, kept []statement, s statement) (string, []any, error) {
		text, err := inOneText(append(kept, s))
		return text.String(), nil, err
	},
	scrub:       postgres.Vacuum,
	firstGoesOn: true,
	connect: func(ctx context.Context, r *Repository) (*conn, string, error) {
		c, err := postgres.Connect(ctx, r.writing)
		if err != nil {
			return nil, "", err
		}
		finish := func(ctx context.Context, tx *commitlog.Tx, kept []statement) (commitlog.Outcome, error) {
			text, err := inOneText(kept)
			if err != nil {
				return commitlog.Refused, err
			}
			return c.RaiseBehind(context.WithoutCancel(ctx), tx, text)
		}
		beginAsking := func(ctx context.Context, q *question) (found commitlog.Head, refused, err error) {
			text, err := inOneText([]statement{q.statement})
			if err != nil {
				return found, nil, err
			}
			return c.BeginAsking(ctx, text, q.answer)
		}
		return &conn{c, handle{uninterrupted{c}, r.dialect}, finish, beginAsking}, c.Life(), nil
	},
	away: postgres.Away,
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
