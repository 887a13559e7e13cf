//go:build unix

package main

import (
	"context"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

// runNATS serves core NATS until ctx ends. It needs no password: it listens on a loopback
// address, and instances seal what they send.
func runNATS(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: number, NoSigs: true})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
