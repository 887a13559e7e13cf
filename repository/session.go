package repository

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// session is the writer's connection with the statements of the hot path, which
// are prepared once a connection.
type session struct {
	conn    *sqlx.Conn
	dialect *dialect
	open    []*sql.Stmt
	load    *sql.Stmt
	store   []*sql.Stmt
	raise   []*sql.Stmt
	end     *sql.Stmt
}

// openSession connects, and refuses a database that would not keep what it has
// committed: that can have changed since the program started.
func openSession(ctx context.Context, db *sqlx.DB, d *dialect) (*session, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, dialect: d}
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) (err error) {
	if err := s.dialect.durable(ctx, handle{s.conn, s.dialect}); err != nil {
		return err
	}
	prepare := func(texts ...string) (stmts []*sql.Stmt) {
		for _, text := range texts {
			stmt, failed := s.conn.PrepareContext(ctx, s.dialect.rebind(text))
			if failed != nil && err == nil {
				err = fmt.Errorf("preparing a statement: %w", failed)
			}
			stmts = append(stmts, stmt)
		}
		return stmts
	}
	if s.dialect.beginAtOnce == "" {
		s.open = prepare(beginImmediate, readHead)
	}
	s.load = prepare(s.dialect.loadPosts)[0]
	s.store = prepare(s.dialect.storePosts...)
	s.raise = prepare(s.dialect.raiseHead...)
	s.end = prepare(`COMMIT`)[0]
	return err
}

// begin opens a transaction and takes the head's lock in it: from now on nobody
// else writes, and each statement that follows sees all that was ever committed.
func (s *session) begin(ctx context.Context) (head int64, err error) {
	if text := s.dialect.beginAtOnce; text != "" {
		return head, s.conn.QueryRowContext(ctx, text).Scan(&head)
	}
	if _, err := s.open[0].ExecContext(ctx); err != nil {
		return 0, err
	}
	return head, s.open[1].QueryRowContext(ctx).Scan(&head)
}

// commit ends the transaction. Whatever error it answers, the transaction may
// have been committed.
func (s *session) commit(ctx context.Context) error {
	_, err := s.end.ExecContext(ctx)
	return err
}

// close ends the connection; a transaction that is open is undone by it.
func (s *session) close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
