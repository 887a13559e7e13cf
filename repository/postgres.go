package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	// silence is how long a connection waits for the server's next bytes, or for
	// room for its own, before it counts as lost. A context does not do that: to
	// end a query the driver asks the server, and a frozen server does not hear.
	silence = 2300 * time.Millisecond
	// migrationSilence is the same while the schema is brought up to date, which
	// may rewrite tables and wait for another instance that does.
	migrationSilence = 30 * time.Minute
	// connecting bounds everything until the server takes a first statement.
	connecting = 2 * time.Second

	// poolSize is how many reads run at once; a server takes 100 connections unless
	// it is told otherwise, and several instances share it.
	poolSize = 16
)

// guards are settings of every connection, in the server's own units.
var guards = map[string]string{
	// An instance that stands still inside a transaction keeps a lock that all
	// others wait for, or a snapshot that keeps dead rows alive. The server breaks
	// it off early enough for those who wait to be in time themselves.
	"idle_in_transaction_session_timeout": "1500ms",
	"lock_timeout":                        "2000ms",
	// Work that takes longer has nobody waiting for it any more.
	"statement_timeout": "2000ms",
	// A machine that vanished without a word must not keep its locks.
	"tcp_keepalives_idle":     "5",
	"tcp_keepalives_interval": "2",
	"tcp_keepalives_count":    "3",
}

// writerGuards are further settings of the writer's connection.
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
	"jit":               "off",
}

// openPostgres makes the two pools of a PostgreSQL database and one that may take
// its time, for migrations. It connects to nothing.
func openPostgres(address string) (pool, writing, migrating *sqlx.DB, err error) {
	base, err := pq.NewConfig(address)
	if err != nil {
		var malformed *url.Error // holds the address, and so perhaps a password
		if errors.As(err, &malformed) {
			err = malformed.Err
		}
		return nil, nil, nil, fmt.Errorf("reading the address of the database: %w", err)
	}
	// Arguments travel with the statement: one round trip instead of two.
	base.BinaryParameters = true
	if base.ConnectTimeout == 0 || base.ConnectTimeout > connecting {
		base.ConnectTimeout = connecting
	}
	// Of several hosts only the primary is of use, for reads as well: a replica may
	// not have what was just answered.
	if base.TargetSessionAttrs == "" || base.TargetSessionAttrs == pq.TargetSessionAttrsAny {
		base.TargetSessionAttrs = pq.TargetSessionAttrsReadWrite
	}
	if base.FallbackApplicationName == "" {
		base.FallbackApplicationName = "parley"
	}
	open := func(wait time.Duration, connections int, settings ...map[string]string) *sqlx.DB {
		cfg := base.Clone()
		if cfg.Runtime == nil {
			cfg.Runtime = make(map[string]string)
		}
		for _, s := range settings {
			for name, value := range s {
				cfg.Runtime[name] = value
			}
		}
		connector, failed := pq.NewConnectorConfig(cfg)
		if failed != nil { // it has no reason to: the configuration was read before
			panic(failed)
		}
		connector.Dialer(dialer{wait})
		db := sql.OpenDB(connector)
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return sqlx.NewDb(db, "postgres")
	}
	pool = open(silence, poolSize, guards, readerGuards)
	writing = open(silence, 1, guards, writerGuards)
	migrating = open(migrationSilence, 2, migrationGuards)
	return pool, writing, migrating, nil
}

// postgresDurable implements dialect.durable.
func postgresDurable(ctx context.Context, h handle) error {
	var is struct {
		Fsync  string `db:"fsync"`
		Commit string `db:"commit"`
		Pages  string `db:"pages"`
	}
	err := h.get(ctx, &is, `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
		current_setting('full_page_writes') AS pages`)
	switch {
	case err != nil:
		return fmt.Errorf("asking whether commits are durable: %w", err)
	case is.Fsync != "on":
		return errNotDurable{"PostgreSQL runs with fsync = " + is.Fsync + ": a power cut would lose answered messages; set it to on"}
	case is.Commit == "off":
		return errNotDurable{"PostgreSQL runs with synchronous_commit = off: a crash would lose answered messages; set it to on"}
	case is.Pages != "on":
		return errNotDurable{"PostgreSQL runs with full_page_writes = " + is.Pages + ": a power cut could damage the database; set it to on"}
	}
	return nil
}

// postgresUnicode is nil if the database can keep every text that can be posted. A
// database's encoding never changes, so once is enough.
func postgresUnicode(ctx context.Context, h handle) error {
	var encoding string
	if err := h.get(ctx, &encoding, `SELECT current_setting('server_encoding')`); err != nil {
		return fmt.Errorf("asking for the database's encoding: %w", err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, which cannot keep every text: "+
			"make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// dialer opens connections that notice within wait that the server is silent.
type dialer struct{ wait time.Duration }

// keepAlive finds a connection that was lost while nobody used it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatientConn{Conn: conn, wait: d.wait}, nil
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// impatientConn gives each read and each write a deadline of its own, and keeps
// an earlier one that was set for all of them.
type impatientConn struct {
	net.Conn
	wait  time.Duration
	until atomic.Pointer[time.Time]
}

func (c *impatientConn) deadline() time.Time {
	at := time.Now().Add(c.wait)
	if until := c.until.Load(); until != nil && until.Before(at) {
		return *until
	}
	return at
}

func (c *impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *impatientConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.until.Store(nil)
	} else {
		c.until.Store(&t)
	}
	return c.Conn.SetDeadline(t)
}
