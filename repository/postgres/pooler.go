package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// errPooled is of a pooler that gives a connection a server process for each transaction.
var errPooled = errors.New("connections do not keep their server processes, as behind PgBouncer with pool_mode = transaction: " +
	"name the server itself, or a pool with pool_mode = session")

// pooledRounds is how often two connections are asked for their processes. On a pooler that
// others use as well, what they get changes from time to time.
const pooledRounds = 5

// Unpooled is nil if each connection has a server process of its own for as long as it lasts.
// Settings, prepared statements and locks belong to that process: behind a pooler that
// hands processes round, one connection would meet those of another.
func Unpooled(ctx context.Context, db *sqlx.DB) error {
	var conns [2]*sqlx.Conn
	for i := range conns {
		conn, err := db.Connx(ctx)
		if err != nil {
			return fmt.Errorf("connecting to the database: %w", err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	var first [len(conns)]int
	for range pooledRounds {
		for i, conn := range conns {
			var process int
			if err := conn.GetContext(ctx, &process, `SELECT pg_backend_pid()`); err != nil {
				return fmt.Errorf("asking for the connection's process: %w", err)
			}
			if first[i] == 0 {
				first[i] = process
			}
			if process != first[i] || first[0] == first[1] {
				return errPooled
			}
		}
	}
	return nil
}
