package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"parley/repository"
	"parley/stream"
	"parley/stream/natsbus"
)

// bus is what instances hear of each other by.
type bus interface {
	stream.Bus
	// Close closes what the bus sends by. Nothing is sent or received afterwards.
	Close() error
}

// busPlan is which bus there is to be.
type busPlan struct {
	kind busKind
	// address is PostgreSQL's where it is not the database's own.
	address string
	nats    natsbus.Address
}

type busKind int

const (
	busNone busKind = iota
	busPostgres
	busNATS
)

// bus reads which bus there is to be. Its text may hold a password and is never repeated.
func (r *reading) bus(s Settings) (p busPlan) {
	switch {
	case s.Bus == "memory":
		return p
	case s.Bus == "postgres":
		p.kind = busPostgres
	case isPostgres(s.Bus):
		p.kind, p.address = busPostgres, s.Bus
		r.postgresAddress("bus", s.Bus)
	case strings.HasPrefix(s.Bus, "nats://") || strings.HasPrefix(s.Bus, "tls://"):
		p.kind = busNATS
		var err error
		if p.nats, err = natsbus.ParseAddress(s.Bus); err != nil {
			r.mistake("bus", "%s", oneLine(err))
		}
	default:
		r.mistake("bus", "is none that there is: write memory, postgres, postgres://user:password@host/name or nats://host:4222")
		return p
	}
	if !isPostgres(s.Database) {
		r.mistake("bus", "is between instances on one PostgreSQL, and SQLite is served by one instance: leave the setting out, or set --database")
	}
	return p
}

// openBus opens the bus; nil is none.
func (s *Server) openBus(ctx context.Context, secrets secrets, registry *prometheus.Registry) (opened bus, err error) {
	switch s.plan.bus.kind {
	case busPostgres:
		opened, err = s.repository.OpenBus(ctx, s.plan.bus.address, s.log)
	case busNATS:
		opened, err = natsbus.Open(natsbus.Options{
			Address: s.plan.bus.nats, Keys: s.busKeys(secrets), Registerer: registry, Log: s.log,
		})
	default:
		return nil, nil
	}
	switch {
	case errors.Is(err, repository.ErrBusRefused), errors.Is(err, natsbus.ErrRefused):
		return nil, &Mistake{"bus", fmt.Sprintf("%s: mend the user name, the password or the name of the database", oneLine(err))}
	case err != nil:
		return nil, &Mistake{"bus", fmt.Sprintf("the bus cannot be opened: %s", oneLine(err))}
	}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "parley_bus_up", Help: "Whether the bus between instances works: 1, or 0.",
	}, func() float64 {
		if opened.Down() != nil {
			return 0
		}
		return 1
	}))
	return opened, nil
}

// busKeys gives the keys with which instances seal what they send. They are of the service's
// secrets and of the life of its database, so that nothing is believed of another service,
// nor of a copy of the database. An instance that still has the previous secret is heard.
func (s *Server) busKeys(secrets secrets) func() [][]byte {
	type lifeKeys struct {
		life string
		keys [][]byte
	}
	var known atomic.Pointer[lifeKeys]
	return func() [][]byte {
		life := s.repository.Life()
		k := known.Load()
		if k == nil || k.life != life {
			k = &lifeKeys{life, secrets.keys("bus " + life)}
			known.Store(k)
		}
		return k.keys
	}
}

// busState is how the bus is; empty where there is none.
func (s *Server) busState() string {
	switch {
	case s.bus == nil:
		return ""
	case s.bus.Down() != nil:
		return "down"
	default:
		return "up"
	}
}
