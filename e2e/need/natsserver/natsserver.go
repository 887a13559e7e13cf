// Package natsserver starts NATS servers inside the test's own process. It is a package of
// its own, so that only tests of the bus are built with a server.
package natsserver

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience bounds the start.
const patience = 30 * time.Second

// Server is a running NATS server on a loopback port that it keeps over restarts.
type Server struct {
	// URL is nats://127.0.0.1:PORT.
	URL string

	options server.Options
	server  *server.Server
}

// Start starts a server, which ends with the test. change, unless nil, changes its options.
func Start(t testing.TB, change func(*server.Options)) *Server {
	t.Helper()
	s := &Server{options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}}
	if change != nil {
		change(&s.options)
	}
	s.Restart(t)
	t.Cleanup(s.Stop)
	s.URL = s.server.ClientURL()
	s.options.Port = s.server.Addr().(*net.TCPAddr).Port
	return s
}

// Restart starts the server again behind [Server.Stop].
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	options := s.options // the server changes its own
	running, err := server.NewServer(&options)
	if err != nil {
		t.Fatalf("making a NATS server: %v", err)
	}
	go running.Start()
	if !running.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not answer")
	}
	s.server = running
}

// Stop ends the server, and every connection with it. Stopping it again does nothing.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
