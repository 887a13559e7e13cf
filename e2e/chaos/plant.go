package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"parley/e2e/chaos/history"
	"parley/e2e/chaos/site"
	"parley/e2e/chaos/wire"
	"parley/e2e/need"
)

// plant is what is put to the test: instances on one database, with a proxy before each
// instance and one between each instance and a PostgreSQL.
type plant struct {
	folder         string
	driver, direct string // the database as the log is read back from it
	server         *need.Server
	instances      []*site.Instance
	front, back    []*wire.Proxy // before each instance, and behind it
	drop           func() error
}

// arguments are every instance's: a ping tells readers their place, and tokens outlive the run.
var arguments = []string{"--limits", "off", "--signup", "open", "--ping", "500ms", "--access-ttl", "24h", "--rotate", "20s"}

// newPostgresPlant starts instances on a new database of the server.
func newPostgresPlant(binary string, server *need.Server, instances int, more ...string) (*plant, error) {
	p := &plant{driver: "postgres", server: server}
	var err error
	if p.direct, p.drop, err = server.Database(); err != nil {
		return nil, err
	}
	at, err := url.Parse(p.direct)
	if err != nil {
		return nil, err
	}
	return p, p.start(binary, instances, more, func() (string, error) {
		back, err := wire.New(at.Host)
		if err != nil {
			return "", err
		}
		p.back = append(p.back, back)
		through := *at
		through.Host = back.Addr()
		return through.String(), nil
	})
}

// newSQLitePlant starts one instance on a file.
func newSQLitePlant(binary string, more ...string) (*plant, error) {
	p := &plant{driver: "sqlite"}
	return p, p.start(binary, 1, more, func() (string, error) {
		file := filepath.Join(p.folder, "parley.db")
		p.direct = "file:" + file + "?_pragma=busy_timeout(5000)"
		return "sqlite:" + file, nil
	})
}

func (p *plant) start(binary string, instances int, more []string, database func() (string, error)) (err error) {
	if p.folder, err = os.MkdirTemp("", "parley-chaos-"); err != nil {
		return err
	}
	for n := range instances {
		address, err := database()
		if err != nil {
			return err
		}
		args := append([]string{"--database", address, "--data", filepath.Join(p.folder, "data-"+strconv.Itoa(n))}, arguments...)
		instance, err := site.NewInstance(binary, p.folder, fmt.Sprintf("instance-%d", n), append(args, more...)...)
		if err != nil {
			return err
		}
		p.instances = append(p.instances, instance)
		front, err := wire.New(instance.Addr)
		if err != nil {
			return err
		}
		p.front = append(p.front, front)
		if err := instance.Start(); err != nil {
			return err
		}
	}
	return nil
}

// addrs are where clients find the instances.
func (p *plant) addrs() (addrs []string) {
	for _, front := range p.front {
		addrs = append(addrs, front.Addr())
	}
	return addrs
}

// heal ends every fault and waits until all instances are ready.
func (p *plant) heal() error {
	for _, proxy := range append(append([]*wire.Proxy{}, p.front...), p.back...) {
		proxy.Arm(nil)
		proxy.Set(wire.Weather{})
	}
	for _, instance := range p.instances {
		if err := thaw(instance); err != nil {
			return err
		}
		if err := instance.Ready(); err != nil {
			return err
		}
	}
	return nil
}

// log reads back what the database holds.
func (p *plant) log(ctx context.Context) ([]history.Row, error) {
	return site.ReadLog(ctx, p.driver, p.direct)
}

// close ends everything. The folder stays where it holds evidence.
func (p *plant) close(keep bool) {
	for _, instance := range p.instances {
		instance.Kill()
	}
	for _, proxy := range append(append([]*wire.Proxy{}, p.front...), p.back...) {
		proxy.Close()
	}
	if p.drop != nil {
		_ = p.drop()
	}
	if !keep {
		_ = os.RemoveAll(p.folder)
	}
}
