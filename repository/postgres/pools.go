// Package postgres is what parley does with PostgreSQL and with no other database: how it
// connects, with which time-outs, what an error means, and how a batch is written in few
// messages.
package postgres

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"parley/repository/commitlog"
)

const (
	// Silence is how long a connection waits for the server's next bytes, or for room for
	// its own, before it counts as lost. A context does not do that: to end a query the
	// driver asks the server, and a frozen server does not hear.
	Silence = 2300 * time.Millisecond
	// migrationSilence is the same while the schema is brought up to date, which may
	// rewrite tables and wait for another instance that does.
	migrationSilence = 30 * time.Minute
	// Connecting bounds everything until the server takes a first statement.
	Connecting = 2 * time.Second
	// LockTimeout bounds one wait of the log's connection for the head's lock, and
	// StatementTimeout each of its statements. They are short because the callers of what
	// runs can no longer give up; what only waits for the lock is tried again.
	LockTimeout      = 400 * time.Millisecond
	StatementTimeout = commitlog.StatementFor

	// poolSize is how many reads run at once; a server takes 100 connections unless it is
	// told otherwise, and several instances share it.
	poolSize = 16
)

// guards are settings of every connection, in the server's own units.
var guards = map[string]string{
	// An instance that stands still inside a transaction keeps a lock that all others
	// wait for, or a snapshot that keeps dead rows alive. The server ends that transaction
	// before the requests that wait for it are given up.
	"idle_in_transaction_session_timeout": "1500ms",
	"lock_timeout":                        "2000ms",
	// Nothing waits any more for work that takes longer.
	"statement_timeout": "2000ms",
	// What a role or a database may have set otherwise. A connection that rests keeps.
	"idle_session_timeout":          "0",
	"default_transaction_isolation": "read committed",
	// A machine that vanished without a word must not keep its locks.
	"tcp_keepalives_idle":     "5",
	"tcp_keepalives_interval": "2",
	"tcp_keepalives_count":    "3",
}

// bound sets the time-outs of the log's connection. It comes last: what prepares the
// connection may take as long as connecting, also on a server that is busy.
var bound = `SET lock_timeout = '` + milliseconds(LockTimeout) + `'; SET statement_timeout = '` + milliseconds(StatementTimeout) + `'`

// writerGuards are further settings of the log's connection.
var writerGuards = map[string]string{
	// The statements of a batch join a handful of rows with tables of any size, and
	// the planner believes what it last counted: a table that it thinks to be small
	// it reads as a whole, whatever it has become since. There is an index for each
	// of these joins; nothing else may be chosen.
	"enable_seqscan":       "off",
	"enable_hashjoin":      "off",
	"enable_mergejoin":     "off",
	"enable_bitmapscan":    "off",
	"enable_material":      "off", // it would read an index as a whole, once
	"enable_memoize":       "off",
	"enable_indexonlyscan": "off",                // it would read another index as a whole, for being smaller
	"plan_cache_mode":      "force_generic_plan", // planning costs more than running
	"jit":                  "off",
	// The hot path writes literals.
	"standard_conforming_strings": "on",
}

// readerGuards are further settings of the connections that read, for the same
// reason: there is an index for whatever is read of a table that grows.
var readerGuards = map[string]string{
	"enable_seqscan":    "off",
	"enable_bitmapscan": "off", // it would read all that an index finds, where a few rows are asked for
	// A page of a list joins a few rows with what belongs to each. These would read an index
	// of the other table from its beginning, up to where the page is.
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
	"enable_material":  "off",
	"jit":              "off",
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }

// migrationGuards lift the role's time-outs: a step may rewrite a table, or wait for one
// that is in use.
var migrationGuards = map[string]string{
	"statement_timeout":                   "0",
	"idle_session_timeout":                "0",
	"default_transaction_isolation":       "read committed",
	"lock_timeout":                        "0",
	"idle_in_transaction_session_timeout": "0",
}

// Pools are the pools of one database. Writing has one connection, which the log
// writes on; the migrations' may take its time. Lives is of the first two.
type Pools struct {
	Reading, Writing, Migrating *sqlx.DB
	Lives                       *Lives
}

// Open makes the pools of the database at an address. It connects to nothing. changed is
// called when connections have begun to lead to another life of the database; it must not
// block.
func Open(address string, log *slog.Logger, changed func()) (Pools, error) {
	base, err := configure(address)
	if err != nil {
		return Pools{}, err
	}
	lives := &Lives{log: log, changed: changed, former: make(map[string]bool)}
	open := func(wait time.Duration, connections int, lives *Lives, settings ...map[string]string) *sqlx.DB {
		db := pool(base, wait, lives, settings...)
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return sqlx.NewDb(db, "postgres")
	}
	return Pools{
		Reading:   open(Silence, poolSize, lives, guards, readerGuards),
		Writing:   open(Silence, 1, lives, guards, writerGuards),
		Migrating: open(migrationSilence, 2, nil, migrationGuards),
		Lives:     lives,
	}, nil
}

// configure reads an address, and adds what every connection needs.
func configure(address string) (pq.Config, error) {
	base, err := pq.NewConfig(address)
	if err != nil {
		var malformed *url.Error // holds the address, and so perhaps a password
		if errors.As(err, &malformed) {
			err = malformed.Err
		}
		return pq.Config{}, fmt.Errorf("reading the address of the database: %w", err)
	}
	// Arguments travel with the statement: one round trip instead of two.
	base.BinaryParameters = true
	if base.ConnectTimeout == 0 || base.ConnectTimeout > Connecting {
		base.ConnectTimeout = Connecting
	}
	// Of several hosts only the primary is of use, for reads as well: a replica may
	// not have what was just answered.
	if base.TargetSessionAttrs == "" || base.TargetSessionAttrs == pq.TargetSessionAttrsAny {
		base.TargetSessionAttrs = pq.TargetSessionAttrsReadWrite
	}
	if base.FallbackApplicationName == "" {
		base.FallbackApplicationName = "parley"
	}
	return base, nil
}

// pool makes a pool whose connections have settings, and wait so long for the server. lives is
// nil where it does not matter in which life of the database they are.
func pool(base pq.Config, wait time.Duration, lives *Lives, settings ...map[string]string) *sql.DB {
	opener, failed := pq.NewConnectorConfig(base.Clone())
	if failed != nil { // it has no reason to: the configuration was read before
		panic(failed)
	}
	opener.Dialer(dialer{wait})
	return sql.OpenDB(connector{opener, setting(settings...), lives})
}
