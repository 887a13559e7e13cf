package need

import (
	"fmt"

	"parley/e2e/need/machine"
)

// StartCluster starts a throwaway cluster for a program that is no test, of programs of this
// machine also where PARLEY_TEST_POSTGRES names a server: the program may stop it, start it
// and freeze it. It ends with the process, however that ends.
func StartCluster() (*Server, error) {
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

// Crash is [Cluster.Crash] of a server that [StartCluster] started.
func (s *Server) Crash() error { return s.cluster.control("stop", "-m", "immediate") }

// Start is [Cluster.Start].
func (s *Server) Start() error { return s.cluster.start() }

// Freeze is [Cluster.Freeze].
func (s *Server) Freeze() error { return s.cluster.freeze() }

// Thaw is [Cluster.Thaw].
func (s *Server) Thaw() error { return s.cluster.thaw() }
