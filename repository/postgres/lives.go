package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"sync"
)

// Lives knows in which life of the database the newest connection was made. A promoted
// standby is another life than the primary before it, which may still answer on connections
// that are open. One of them reads and writes what the other does not know, so connections of a
// former life are not used again, and no new one is made to it.
type Lives struct {
	log *slog.Logger
	// changed is called when another life has begun. It must not block.
	changed func()
	told    sync.Once

	mu      sync.Mutex
	current string
	former  map[string]bool
}

// errFormerLife says that the address leads to a database that another one has taken the
// place of.
var errFormerLife = errors.New("the database is the one from before a failover or a restore: " +
	"stop it, or start parley anew if it is to be served again")

// join says of a new connection which life it belongs to.
func (l *Lives) join(ctx context.Context, conn pqConn) (*lifeConn, error) {
	life, whole, err := identity(ctx, conn)
	if err != nil {
		return nil, err
	}
	if !whole {
		l.told.Do(func() {
			l.log.Warn("the role may not execute pg_control_system, pg_current_wal_lsn and pg_walfile_name: a failover or a recovered base backup is not noticed; run parley log jump after one")
		})
	}
	if err := l.begin(life); err != nil {
		return nil, err
	}
	return &lifeConn{conn, life, l}, nil
}

// begin notes the life of a new connection, which is the current one from then on.
func (l *Lives) begin(life string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.former[life] {
		return errFormerLife
	}
	if l.current != "" && l.current != life {
		l.log.Warn("the database has failed over, or was restored", "was", l.current, "is", life)
		l.former[l.current] = true
		defer l.changed()
	}
	l.current = life
	return nil
}

// Current is the life in which the newest connection was made; empty before the first.
func (l *Lives) Current() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

func (l *Lives) isCurrent(life string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return life == l.current
}

// lifeConn is a connection of one life of the database.
type lifeConn struct {
	pqConn
	life  string
	lives *Lives
}

func (c *lifeConn) isCurrent() bool { return c.lives.isCurrent(c.life) }

// IsValid implements [driver.Validator]: a pool does not keep a connection of a former life.
func (c *lifeConn) IsValid() bool { return c.isCurrent() && c.pqConn.IsValid() }

// ResetSession implements [driver.SessionResetter]: a pool does not use a connection of a
// former life again.
func (c *lifeConn) ResetSession(ctx context.Context) error {
	if !c.isCurrent() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}
