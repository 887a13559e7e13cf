package need

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq" // makes and drops the tests' databases

	"parley/e2e/need/machine"
)

// serverVariable names the address (postgres://…) of a server that the tests
// shall use, as somebody who may create databases.
const serverVariable = "PARLEY_TEST_POSTGRES"

// patience bounds each statement that makes or drops a database.
const patience = 60 * time.Second

// Postgres returns the address (postgres://…) of an empty database that is this
// test's alone and is dropped when the test ends.
//
// It lies on the server named by PARLEY_TEST_POSTGRES, else on a throwaway
// cluster that the tests of one process share and that ends with the process,
// however that ends. Either server is of version 15 or newer and makes commits
// durable, unless the one that was named does not.
func Postgres(t testing.TB) string {
	t.Helper()
	LeaveOutIfShort(t, "PostgreSQL")
	server := os.Getenv(serverVariable)
	if server == "" {
		server = shared(t).server
	}
	address, drop, err := newDatabase(server)
	if err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return address
}

// sharedCluster is started by the first test that asks for a database and left
// running: its guard ends it when the process ends.
var sharedCluster struct {
	sync.Mutex
	cluster *Cluster
}

func shared(t testing.TB) *Cluster {
	t.Helper()
	sharedCluster.Lock()
	defer sharedCluster.Unlock()
	if sharedCluster.cluster == nil {
		sharedCluster.cluster = startCluster(t)
	}
	return sharedCluster.cluster
}

// newDatabase makes an empty database on the server and returns its address and
// what drops it, together with whoever is still connected to it.
func newDatabase(server string) (address string, drop func() error, err error) {
	name := "parley_test_" + strings.ToLower(rand.Text())
	// template0 lets nobody connect, so several tests may copy it at once.
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("reading %s as an address: %w", serverVariable, err)
	}
	u.Path = "/" + name
	drop = func() error { return execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") }
	return u.String(), drop, nil
}

// execute runs one statement on the server, on a connection of its own, after
// having made sure that the server is one that parley supports.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open("postgres", server)
	if err != nil {
		return err
	}
	defer db.Close()
	var version int
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return err
	}
	if version/10000 < machine.OldestPostgres {
		return fmt.Errorf("the server is PostgreSQL %d; parley needs %d or newer", version/10000, machine.OldestPostgres)
	}
	_, err = db.ExecContext(ctx, statement)
	return err
}
