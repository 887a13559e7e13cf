package main

import (
	"context"
	"errors"

	"parley/repository"
)

// opened is a database and the repository that a group asks. The group closes it in any case.
type opened struct {
	db   *database
	repo *repository.Repository
}

// open makes a database of a seed and opens it.
func (o *opened) open(ctx context.Context, e *engine, of seed) (err error) {
	if o.db, err = e.newDatabase(ctx, of); err != nil {
		return err
	}
	o.repo, err = o.db.open(ctx)
	return err
}

func (o *opened) close() (err error) {
	if o.repo != nil {
		err = o.repo.Close()
	}
	return errors.Join(err, o.db.drop())
}
