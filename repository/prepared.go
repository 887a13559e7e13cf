package repository

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// statements are those of a pool that are prepared once on each connection, by their
// texts. On SQLite to prepare one takes longer than most of them take to run. There are
// as many as this package has texts: values, and lists of them, are arguments.
//
// They are not for PostgreSQL, where a statement that is kept can lose the plan that
// fits its arguments, and to a pooler also itself.
type statements struct {
	pool *sqlx.DB
	mu   sync.Mutex
	kept map[string]*sqlx.Stmt
}

func newStatements(pool *sqlx.DB) *statements {
	return &statements{pool: pool, kept: make(map[string]*sqlx.Stmt)}
}

// find is the statement of that text; nil if it is not prepared.
func (s *statements) find(query string) *sqlx.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[query]
}

// prepare prepares a statement, for which it needs a connection of its own: whoever
// has one already must not wait for it.
func (s *statements) prepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if stmt := s.find(query); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.pool.PreparexContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.kept[query]; first != nil { // somebody else was faster
		_ = stmt.Close()
		return first, nil
	}
	s.kept[query] = stmt
	return stmt, nil
}

// inPool reads from the pool by them.
func (s *statements) inPool() queryer { return prepared{s.pool, s.prepare} }

// inTx reads by them in a transaction of the pool. A text that is new is run as it is;
// keep, called when the transaction has ended, prepares it for the next one. If that
// fails it is new once more.
func (s *statements) inTx(tx *sqlx.Tx) (q queryer, keep func(context.Context)) {
	var fresh []string
	find := func(ctx context.Context, query string) (*sqlx.Stmt, error) {
		stmt := s.find(query)
		if stmt == nil {
			fresh = append(fresh, query)
			return nil, nil
		}
		return tx.StmtxContext(ctx, stmt), nil
	}
	keep = func(ctx context.Context) {
		for _, query := range fresh {
			_, _ = s.prepare(ctx, query)
		}
	}
	return prepared{tx, find}, keep
}

// prepared reads by the statements that find knows, and everything else as it is.
type prepared struct {
	queryer
	find func(ctx context.Context, query string) (*sqlx.Stmt, error)
}

func (p prepared) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	stmt, err := p.find(ctx, query)
	switch {
	case err != nil:
		return err
	case stmt == nil:
		return p.queryer.GetContext(ctx, dest, query, args...)
	}
	return stmt.GetContext(ctx, dest, args...)
}

func (p prepared) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	stmt, err := p.find(ctx, query)
	switch {
	case err != nil:
		return err
	case stmt == nil:
		return p.queryer.SelectContext(ctx, dest, query, args...)
	}
	return stmt.SelectContext(ctx, dest, args...)
}
