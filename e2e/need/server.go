package need

import (
	"fmt"
	"os"

	"parley/e2e/need/machine"
)

// Server is a PostgreSQL server for a program that is no test.
type Server struct {
	address string
	cluster *Cluster // nil where PARLEY_TEST_POSTGRES named the server
}

// StartServer finds the server named by PARLEY_TEST_POSTGRES, else starts a
// throwaway cluster, which ends with the process, however that ends. Where there
// are no programs to start, the error says how to get them.
func StartServer() (*Server, error) {
	if address := os.Getenv(serverVariable); address != "" {
		return &Server{address: address}, nil
	}
	bin, ok := machine.Postgres()
	if !ok {
		return nil, fmt.Errorf("PostgreSQL %d or newer is missing; in the project's folder run:  %s", machine.OldestPostgres, machine.Cure())
	}
	c, err := newCluster(bin)
	if err != nil {
		return nil, fmt.Errorf("starting a PostgreSQL from %s: %w", bin, err)
	}
	return &Server{address: c.server, cluster: c}, nil
}

// Database returns the address of a new, empty database and what drops it,
// together with whoever is still connected to it.
func (s *Server) Database() (address string, drop func() error, err error) {
	return newDatabase(s.address)
}

// Close ends the cluster, if it is one, and returns when nothing is left of it.
func (s *Server) Close() error {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.remove()
}

// FreePort is [Port] for a program that is no test.
func FreePort() int { return freePort() }
