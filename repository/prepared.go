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
	first := s.kept[query]
	if first == nil {
		s.kept[query] = stmt
	}
	s.mu.Unlock()
	if first != nil { // somebody else was faster
		_ = stmt.Close() // waits for whoever is at work on its connection
		return first, nil
	}
	return stmt, nil
}

// inPool reads from the pool by them.
func (s *statements) inPool() queryer { return prepared{s.pool, s.prepare} }

// inTx reads by them in a transaction of the pool. A text that is new is run as it is,
// and noted in fresh.
func (s *statements) inTx(tx *sqlx.Tx) (q queryer, fresh *[]string) {
	fresh = new([]string)
	return prepared{tx, func(ctx context.Context, query string) (*sqlx.Stmt, error) {
		stmt := s.find(query)
		if stmt == nil {
			*fresh = append(*fresh, query)
			return nil, nil
		}
		return tx.StmtxContext(ctx, stmt), nil
	}}, fresh
}

// prepareFresh prepares, behind the back of whoever met them, what was new to him: he
// has his answer, and does not wait for a connection once more. What fails is new again.
func (r *Repository) prepareFresh(fresh []string) {
	if len(fresh) == 0 {
		return
	}
	r.reads.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
		defer cancel()
		for _, query := range fresh {
			_, _ = r.statements.prepare(ctx, query)
		}
	})
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
