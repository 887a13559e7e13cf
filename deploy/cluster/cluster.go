//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"parley/e2e/need"
	"parley/e2e/need/machine"
)

type options struct{ listen, parley, keep string }

// cluster is what was started so far.
type cluster struct {
	options
	out    io.Writer
	folder string
	// ends end what was started, the first one last.
	ends []func() error
}

// runCluster starts the cluster, says how to use it, and ends it when ctx ends.
func runCluster(ctx context.Context, o options, out io.Writer) (err error) {
	c := &cluster{options: o, out: out}
	defer func() { err = errors.Join(err, c.end()) }()
	g, err := c.start(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	g.write(out)
	<-ctx.Done()
	c.say("ending")
	return nil
}

func (c *cluster) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(c.out, format+"\n", arguments...) // without a reader the cluster runs all the same
}

func (c *cluster) end() (err error) {
	for _, end := range slices.Backward(c.ends) {
		err = errors.Join(err, end())
	}
	return err
}

// start starts everything. nginx is there before the instances, so that it ends behind them
// and clients read their last words.
func (c *cluster) start(ctx context.Context) (g guide, err error) {
	if err := c.checkListen(); err != nil {
		return g, err
	}
	if err := c.makeFolder(); err != nil {
		return g, err
	}
	if err := c.build(ctx); err != nil {
		return g, err
	}
	database, err := c.startPostgres()
	if err != nil {
		return g, err
	}
	g = guide{Address: c.listen, Folder: c.folder, Pause: pause}
	if g.NATS, err = c.startNATS(ctx); err != nil {
		return g, err
	}
	instances := []string{freeAddress(), freeAddress()}
	if g.Nginx, err = c.startNginx(ctx, instances); err != nil {
		return g, err
	}
	secret := rand.Text() + rand.Text()
	for i, address := range instances {
		p, err := c.startInstance(ctx, i+1, address,
			"PARLEY_DATABASE="+database, "PARLEY_BUS=nats://"+g.NATS.Address, "PARLEY_JWT_SECRET="+secret)
		if err != nil {
			return g, err
		}
		g.Instances = append(g.Instances, p)
	}
	return g, nil
}

// checkListen looks before nginx does, because another server there would pass for it.
func (c *cluster) checkListen() error {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return fmt.Errorf("-listen: nginx cannot have that address: %w", err)
	}
	return listener.Close()
}

// makeFolder makes the folder of logs and configurations.
func (c *cluster) makeFolder() (err error) {
	if c.keep != "" {
		if c.folder, err = filepath.Abs(c.keep); err != nil {
			return err
		}
		return os.MkdirAll(c.folder, 0o700)
	}
	if c.folder, err = os.MkdirTemp("", "parley-cluster-"); err != nil {
		return err
	}
	c.ends = append(c.ends, func() error { return os.RemoveAll(c.folder) })
	return nil
}

func (c *cluster) build(ctx context.Context) (err error) {
	if c.parley != "" {
		c.parley, err = filepath.Abs(c.parley)
		return err
	}
	c.parley = filepath.Join(c.folder, "parley")
	c.say("building parley")
	out, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", c.parley, "parley").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building parley: %w\n%s", err, out)
	}
	return nil
}

func (c *cluster) startPostgres() (database string, err error) {
	c.say("starting PostgreSQL")
	postgres, err := need.StartServer()
	if err != nil {
		return "", err
	}
	c.ends = append(c.ends, postgres.Close)
	database, drop, err := postgres.Database()
	if err != nil {
		return "", err
	}
	c.ends = append(c.ends, drop)
	return database, nil
}

func (c *cluster) startNATS(ctx context.Context) (running, error) {
	self, err := os.Executable()
	if err != nil {
		return running{}, err
	}
	address := freeAddress()
	return c.startPart(ctx, &part{name: "nats", command: []string{self, "-nats", address}}, address, listens)
}

func (c *cluster) startNginx(ctx context.Context, instances []string) (running, error) {
	program, ok := machine.Nginx()
	if !ok {
		return running{}, fmt.Errorf("nginx is missing; in the project's folder run:  %s", machine.Cure())
	}
	configuration := filepath.Join(c.folder, "nginx.conf")
	if err := os.WriteFile(configuration, []byte(nginxFor(c.listen, instances[0], instances[1])), 0o600); err != nil {
		return running{}, err
	}
	return c.startPart(ctx, &part{
		name: "nginx", command: []string{program, "-e", "stderr", "-p", c.folder, "-c", configuration},
	}, c.listen, listens)
}

func (c *cluster) startInstance(ctx context.Context, number int, address string, settings ...string) (running, error) {
	return c.startPart(ctx, &part{
		name: "parley-" + strconv.Itoa(number), command: []string{c.parley, "serve"},
		// nginx is the only other host that reaches a loopback address.
		env: append(settings, "PARLEY_LISTEN="+address, "PARLEY_TRUSTED_PROXIES=127.0.0.1/32", "PARLEY_SIGNUP=open"),
	}, address, isReady)
}

// running is a part that has started.
type running struct {
	Name, Address string
	PID           int
}

func (c *cluster) startPart(ctx context.Context, p *part, address string, ready func(address string) bool) (running, error) {
	c.say("starting %s", p.name)
	p.folder, p.said = c.folder, c.say
	p.env = append(environment(), p.env...)
	if err := p.start(ctx, func() bool { return ready(address) }); err != nil {
		return running{}, err
	}
	c.ends = append(c.ends, func() error { p.end(); return nil })
	return running{p.name, address, p.pid}, nil
}

func freeAddress() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(need.FreePort())) }

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func isReady(address string) bool {
	response, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}
