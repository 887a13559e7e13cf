package site

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// NATS is servers of NATS within this process, one or a cluster of several.
type NATS struct {
	servers []*server.Server
	options []*server.Options
}

// StartNATS starts n servers.
func StartNATS(n int) (*NATS, error) {
	c := &NATS{servers: make([]*server.Server, n)}
	var routes []*url.URL
	for range n {
		client, err := freePort()
		if err != nil {
			return nil, err
		}
		cluster, err := freePort()
		if err != nil {
			return nil, err
		}
		o := &server.Options{Host: "127.0.0.1", Port: client, NoLog: true, NoSigs: true}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "chaos", Host: "127.0.0.1", Port: cluster}
			routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", cluster)})
		}
		c.options = append(c.options, o)
	}
	for i := range n {
		c.options[i].Routes = routes
		if err := c.Start(i); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Start starts a server that does not run, where it was.
func (c *NATS) Start(i int) error {
	s, err := server.NewServer(c.options[i].Clone())
	if err != nil {
		return err
	}
	c.servers[i] = s
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return errors.New("a server of NATS does not take connections")
	}
	return nil
}

// Stop ends a server.
func (c *NATS) Stop(i int) {
	if c.servers[i] != nil {
		c.servers[i].Shutdown()
		c.servers[i].WaitForShutdown()
		c.servers[i] = nil
	}
}

// Close ends them all.
func (c *NATS) Close() {
	for i := range c.servers {
		c.Stop(i)
	}
}

// Addr is the host and port of a server.
func (c *NATS) Addr(i int) string { return fmt.Sprintf("127.0.0.1:%d", c.options[i].Port) }

// URL names all servers.
func (c *NATS) URL() string {
	var all []string
	for i := range c.options {
		all = append(all, "nats://"+c.Addr(i))
	}
	return strings.Join(all, ",")
}
