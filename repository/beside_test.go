package repository

import (
	"context"
	"errors"
	"testing"

	"parley/repository/commitlog"
)

// Where a batch is stuck behind a statement, who waits for it gives up, and then it goes on.
func TestAStatementMayOutliveItsCaller(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "sqlite").open(t)
	begun, queued, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ends := make(chan error, 2)
	enqueue := func(run func()) {
		go func() {
			ends <- r.changes.Do(t.Context(), &change{run: func(context.Context, *transaction) error { run(); return nil }})
		}()
	}
	enqueue(func() { close(begun); <-queued })
	<-begun
	outcome := make(chan error, 1)
	go func() {
		_, err := r.beside(t.Context(), `DELETE FROM keys WHERE name = 'no such'`)
		outcome <- err
	}()
	eventually(t, "the statement waits", func() bool { return r.changes.Waiting() == 1 })
	enqueue(func() { <-answered })
	eventually(t, "what is stuck waits behind it", func() bool { return r.changes.Waiting() == 2 })
	close(queued)
	if err := <-outcome; !errors.Is(err, commitlog.ErrUnavailable) {
		t.Errorf("a statement in a batch that is stuck: %v", err)
	}
	close(answered)
	<-ends
	<-ends
}
