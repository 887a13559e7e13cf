package need

import (
	"database/sql"
	"net/url"
	"testing"
	"time"
)

// Standby gives the test a standby of the cluster, which follows it asynchronously. It is gone
// when the test has ended.
func (c *Cluster) Standby(t testing.TB) *Cluster {
	t.Helper()
	address, err := url.Parse(c.server)
	c.must(t, err)
	standby, err := makeCluster(c.bin, address.User, func(s *Cluster) error {
		return s.client("pg_basebackup", "--dbname", c.server, "--pgdata", s.data(), "--checkpoint", "fast", "--write-recovery-conf")
	})
	if err != nil {
		t.Fatalf("making a standby: %v", err)
	}
	standby.primary = c
	t.Cleanup(func() {
		if err := standby.remove(); err != nil {
			t.Errorf("removing the test's standby: %v", err)
		}
	})
	return standby
}

// Counterpart is the address of the database in this cluster that another address names in
// the cluster's primary.
func (c *Cluster) Counterpart(t testing.TB, address string) string {
	t.Helper()
	here, err := url.Parse(c.server)
	c.must(t, err)
	there, err := url.Parse(address)
	c.must(t, err)
	there.Host = here.Host
	return there.String()
}

// Detach lets the standby catch up with its primary, and receive nothing from then on: what
// the primary commits later is lost when the standby is promoted.
func (c *Cluster) Detach(t testing.TB) {
	t.Helper()
	primary, standby := c.primary.open(t), c.open(t)
	var written string
	c.must(t, primary.QueryRow(`SELECT pg_current_wal_flush_lsn()`).Scan(&written))
	c.await(t, standby, `SELECT pg_last_wal_replay_lsn() >= CAST($1 AS pg_lsn)`, written)
	for _, statement := range []string{`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`} {
		_, err := standby.Exec(statement)
		c.must(t, err)
	}
	c.await(t, standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
}

// Promote makes a primary of the standby, and returns when it can be written.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	c.must(t, c.control("promote"))
}

// open opens the cluster's own database, until the test has ended.
func (c *Cluster) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", c.server)
	c.must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// await waits until a query answers true.
func (c *Cluster) await(t testing.TB, db *sql.DB, query string, arguments ...any) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var so bool
		c.must(t, db.QueryRow(query, arguments...).Scan(&so))
		if so {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", query)
		}
	}
}
