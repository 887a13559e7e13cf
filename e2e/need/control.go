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

// Standby is [Cluster.Standby]. The caller closes it.
func (s *Server) Standby() (*Server, error) {
	standby, err := s.cluster.standby()
	if err != nil {
		return nil, err
	}
	return &Server{address: standby.server, cluster: standby}, nil
}

// Detach is [Cluster.Detach].
func (s *Server) Detach() error { return s.cluster.detach() }

// Promote is [Cluster.Promote].
func (s *Server) Promote() error { return s.cluster.control("promote") }

// Counterpart is [Cluster.Counterpart].
func (s *Server) Counterpart(address string) (string, error) { return s.cluster.counterpart(address) }
