package repository

import (
	"context"
	"errors"
	"slices"

	"parley/chat"
	"parley/repository/commitlog"
)

// change is a request that is no post: a transaction runs some of them one after
// another.
type change struct {
	// whose it is, as write says.
	whose string
	run   func(ctx context.Context, tx *transaction) error
	// asks is what it is decided by, where one row says it; or nil.
	asks *question
	// beside says that nothing changes by which posts are decided.
	beside bool
}

// changeLimits: more than a few changes do not fit into the time that a transaction has.
var changeLimits = commitlog.Limits[*change]{Requests: 32, Party: func(c *change) string { return c.whose }}

// changeLane is the lane of changes: it implements [commitlog.Steps].
type changeLane struct {
	r *Repository
	// tx is what the current transaction has done so far.
	tx *transaction
	// answered is the question of the batch's first change, if it was answered with the lock;
	// refused is what the database said instead of an answer.
	answered *question
	refused  error
}

// Begin implements [commitlog.Steps].
func (l *changeLane) Begin(ctx context.Context, c *conn, tx *commitlog.Tx, batch []*change) (err error) {
	var found commitlog.Head
	l.answered, l.refused = nil, nil
	if q := batch[0].asks; q != nil && c.beginAsking != nil {
		l.answered = q
		found, l.refused, err = c.beginAsking(ctx, q)
	} else {
		found, err = c.Begin(ctx)
	}
	if err == nil {
		tx.Follow(found)
	}
	return err
}

// Joins implements [commitlog.Steps].
func (l *changeLane) Joins(*change) bool { return true }

// Run implements [commitlog.Steps].
func (l *changeLane) Run(ctx context.Context, c *conn, tx *commitlog.Tx, batch *commitlog.Batch[*change]) (commitlog.Outcome, error) {
	within, cancel := context.WithTimeout(ctx, commitlog.RunFor+commitlog.StatementFor)
	defer cancel()
	l.tx = newTransaction(c.handle, tx.Began, tx.Pos)
	for req, ok := batch.Next(); ok; req, ok = batch.Next() {
		req.Err = nil
		l.tx.answered, l.answered = l.answered, nil
		asked := l.tx.answered != nil && l.tx.answered == req.Work.asks
		switch {
		case l.refused != nil && !asked: // whose change was given up, and the transaction takes nothing more
			return commitlog.Outdated, l.refused
		case l.refused != nil:
			return c.Outcome(l.refused), l.refused
		case asked:
			batch.Ahead()
		}
		err := runOne(within, l.tx, req.Work)
		var refused *chat.Error
		switch {
		case errors.As(err, &refused):
			req.Err = refused
		case err != nil:
			return c.Outcome(err), err
		}
	}
	if !l.tx.dirty {
		return commitlog.Unchanged, nil
	}
	kept := l.tx.deferred.take()
	if len(kept) > 0 {
		if err := leavesTime(within); err != nil {
			return c.Outcome(err), err
		}
	}
	tx.Pos = l.tx.pos
	return c.finish(within, tx, kept)
}

// runOne runs one change. A panic in it is an error like another: it must not take the
// changes of strangers down with it.
func runOne(ctx context.Context, tx *transaction, c *change) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = commitlog.Panicked(p)
		}
	}()
	return c.run(ctx, tx)
}

// Committed implements [commitlog.Steps].
func (l *changeLane) Committed(tx *commitlog.Tx, claimed []*commitlog.Request[*change]) {
	// What another instance has written, the lane of posts does not see behind this commit.
	if !tx.Alone || slices.ContainsFunc(claimed, func(req *commitlog.Request[*change]) bool { return !req.Work.beside }) {
		l.r.postLane.Changed(tx, l.tx.events)
	}
	l.r.publish(l.tx.events)
}

// Failed implements [commitlog.Steps].
func (l *changeLane) Failed() {}
