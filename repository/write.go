package repository

import "context"

// write runs fn in a transaction of the log and returns what it returned, once that is
// committed. It returns a *chat.Error of fn as it is: by it fn refuses, and must have
// written nothing; the other changes of its transaction go on. With any other error the
// transaction is undone, and each of its changes tried again alone.
//
// whose is the user for whose sake it is, or a session of which no more is known, or "" for
// what nobody asked for: while many wait, they take turns.
//
// So fn may run more than once, and in rare cases it still runs after write has given up
// on it (chat.ErrUnavailable). It must therefore hand out what it found by its result
// alone and assign to nothing outside. Everybody waits behind it: it decides and writes,
// and reads no more than it needs for that. A statement that begins later than
// commitlog.RunFor behind the lock fails. Where fn writes nothing, nothing is committed.
func write[T any](ctx context.Context, r *Repository, whose string, fn func(ctx context.Context, tx *transaction) (T, error)) (T, error) {
	return do(ctx, r, &change{whose: whose}, fn)
}

// writeKnowing is write where one row, which asks reads, is what fn is decided by as a rule.
// Behind the lock that spares the first change of a transaction a round trip.
func writeKnowing[F, T any](ctx context.Context, r *Repository, whose string, asks statement, fn func(ctx context.Context, tx *transaction, facts F) (T, error)) (T, error) {
	var facts F
	q := &question{statement{r.dialect.rebind(asks.query), asks.args}, &facts}
	return do(ctx, r, &change{whose: whose, asks: q}, func(ctx context.Context, tx *transaction) (none T, err error) {
		if err := tx.ask(ctx, q); err != nil {
			return none, err
		}
		return fn(ctx, tx, facts)
	})
}

// do has a change run fn, and returns what that returned.
func do[T any](ctx context.Context, r *Repository, c *change, fn func(ctx context.Context, tx *transaction) (T, error)) (T, error) {
	var out, none T
	c.run = func(ctx context.Context, tx *transaction) (err error) {
		out, err = fn(ctx, tx)
		return err
	}
	if err := r.changes.Do(ctx, c); err != nil {
		return none, r.dialect.refusal(ctx, err)
	}
	return out, nil
}
