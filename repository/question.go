package repository

import "context"

// question reads the one row by which a change is decided. There is always one, and it may be
// asked again.
type question struct {
	// statement has the database's own form of arguments.
	statement
	// answer is a pointer to the struct that the row is read into.
	answer any
}

// ask has the question of the change that runs answered, unless it came with the lock.
func (tx *transaction) ask(ctx context.Context, q *question) error {
	if tx.answered == q {
		return nil
	}
	return tx.handle.q.GetContext(ctx, q.answer, q.query, q.args...)
}
