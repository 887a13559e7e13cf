package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"parley/repository/postgres"
)

// ErrNoBus is of a database that is a file: nobody else serves it.
var ErrNoBus = errors.New("SQLite is served by one instance, which needs no bus")

// ErrBusRefused is of a bus whose server answered and does not let the service in, which
// will not change by itself.
var ErrBusRefused = errors.New("the server of the bus refuses the client")

// OpenBus opens the bus of PostgreSQL's notifications, on the database's own address or, if
// one is given, on another that leads to the same database without a pooler. A server that
// cannot be reached is no error: the bus is down and goes on trying. [ErrNoBus],
// [ErrBusRefused].
func (r *Repository) OpenBus(ctx context.Context, address string, log *slog.Logger) (*postgres.Bus, error) {
	if r.address == "" {
		return nil, ErrNoBus
	}
	schema, err := read(ctx, r, func(ctx context.Context, h handle) (id string, err error) {
		err = h.get(ctx, &id, `SELECT CAST(CAST(current_schema() AS regnamespace) AS oid)::text`)
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the schema's number: %w", err)
	}
	bus, err := postgres.NewBus(cmp.Or(address, r.address), schema)
	if err != nil {
		return nil, err
	}
	if err := bus.Check(ctx); postgres.Refused(err) {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrBusRefused, err), bus.Close())
	} else if err != nil {
		log.Warn("the bus cannot be reached; what other instances commit is noticed later, and it is tried again", "error", err)
	}
	return bus, nil
}
