package need

import (
	"database/sql"
	"fmt"
	"net/url"
	"testing"
	"time"
)

// Standby gives the test a standby of the cluster, which follows it asynchronously. It is gone
// when the test has ended.
func (c *Cluster) Standby(t testing.TB) *Cluster {
	t.Helper()
	standby, err := c.standby()
	if err != nil {
		t.Fatalf("making a standby: %v", err)
	}
	t.Cleanup(func() {
		if err := standby.remove(); err != nil {
			t.Errorf("removing the test's standby: %v", err)
		}
	})
	return standby
}

func (c *Cluster) standby() (*Cluster, error) {
	address, err := url.Parse(c.server)
	if err != nil {
		return nil, err
	}
	standby, err := makeCluster(c.bin, address.User, func(s *Cluster) error {
		return s.client("pg_basebackup", "--dbname", c.server, "--pgdata", s.data(), "--checkpoint", "fast", "--write-recovery-conf")
	})
	if err != nil {
		return nil, err
	}
	standby.primary = c
	return standby, nil
}

// Counterpart is the address of the database in this cluster that another address names in
// the cluster's primary.
func (c *Cluster) Counterpart(t testing.TB, address string) string {
	t.Helper()
	there, err := c.counterpart(address)
	c.must(t, err)
	return there
}

func (c *Cluster) counterpart(address string) (string, error) {
	here, err := url.Parse(c.server)
	if err != nil {
		return "", err
	}
	there, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	there.Host = here.Host
	return there.String(), nil
}

// Detach lets the standby catch up with its primary, and receive nothing from then on: what
// the primary commits later is lost when the standby is promoted.
func (c *Cluster) Detach(t testing.TB) {
	t.Helper()
	c.must(t, c.detach())
}

func (c *Cluster) detach() error {
	primary, err := sql.Open("postgres", c.primary.server)
	if err != nil {
		return err
	}
	defer primary.Close()
	standby, err := sql.Open("postgres", c.server)
	if err != nil {
		return err
	}
	defer standby.Close()
	var written string
	if err := primary.QueryRow(`SELECT pg_current_wal_flush_lsn()`).Scan(&written); err != nil {
		return err
	}
	if err := await(standby, `SELECT pg_last_wal_replay_lsn() >= CAST($1 AS pg_lsn)`, written); err != nil {
		return err
	}
	for _, statement := range []string{`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`} {
		if _, err := standby.Exec(statement); err != nil {
			return err
		}
	}
	return await(standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
}

// Promote makes a primary of the standby, and returns when it can be written.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	c.must(t, c.control("promote"))
}

// await waits until a query answers true.
func await(db *sql.DB, query string, arguments ...any) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var so bool
		if err := db.QueryRow(query, arguments...).Scan(&so); err != nil || so {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited too long for %s", query)
		}
	}
}
