//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"parley/e2e/chaos/history"
	"parley/e2e/chaos/site"
	"parley/e2e/chaos/wire"
	"parley/e2e/need"
)

// plant is what is put to the test: instances on one database, with a proxy before each
// instance and, where that is PostgreSQL, one between each instance and the database.
type plant struct {
	folder         string
	driver, direct string // the database as the log is read back from it
	server         *need.Server
	own            bool // the server is this plant's alone
	first          *need.Server
	standbys       []*need.Server // that have taken the first one's place, one after the other
	instances      []*site.Instance
	front, back    []*wire.Proxy // before each instance, and behind it
	nats           *site.NATS
	toBus          []*wire.Proxy // between each instance and the one server of NATS
	relay          *site.Relay
	drop           func() error
	unmount        func()
}

// busKind is how the instances of a plant hear of each other.
type busKind string

const (
	busNone     busKind = ""
	busPostgres busKind = "postgres"
	busNATS     busKind = "nats"
	busCluster  busKind = "cluster" // of three servers of NATS
	busHostile  busKind = "hostile" // NATS, with a relay between that loses and reorders
)

// arguments are every instance's: a ping tells readers their place, and tokens outlive the run.
var arguments = []string{"--limits", "off", "--signup", "open", "--ping", "500ms", "--access-ttl", "24h", "--rotate", "20s"}

// newPlant starts what a fault asks for.
func newPlant(e *env, f fault, seed uint64) (_ *plant, err error) {
	p := &plant{}
	defer func() {
		if err != nil {
			p.close(false)
		}
	}()
	if p.folder, err = os.MkdirTemp("", "parley-chaos-"); err != nil {
		return nil, err
	}
	if f.instances == 0 {
		return p, p.onSQLite(e, f)
	}
	p.server = e.server
	if f.own {
		p.own = true
		if p.server, err = need.StartCluster(); err != nil {
			return nil, err
		}
		p.first = p.server
	}
	p.driver = "postgres"
	if p.direct, p.drop, err = p.server.Database(); err != nil {
		return nil, err
	}
	if err := p.startBus(f, seed); err != nil {
		return nil, err
	}
	return p, p.onPostgres(e, f)
}

func (p *plant) startBus(f fault, seed uint64) (err error) {
	servers := map[busKind]int{busNATS: 1, busHostile: 1, busCluster: 3}[f.bus]
	if servers == 0 {
		return nil
	}
	if p.nats, err = site.StartNATS(servers); err != nil {
		return err
	}
	if f.bus == busHostile {
		p.relay, err = site.StartRelay(p.nats.URL(), f.instances, seed)
	}
	return err
}

// busOf is the setting of an instance.
func (p *plant) busOf(f fault, n int) (string, error) {
	switch f.bus {
	case busNone:
		return "memory", nil
	case busPostgres:
		return "postgres", nil
	case busHostile:
		return p.nats.URL() + "?prefix=" + site.Prefix(n), nil
	case busCluster:
		return p.nats.URL(), nil
	}
	proxy, err := wire.New(p.nats.Addr(0))
	if err != nil {
		return "", err
	}
	p.toBus = append(p.toBus, proxy)
	return "nats://" + proxy.Addr(), nil
}

func (p *plant) onPostgres(e *env, f fault) error {
	at, err := url.Parse(p.direct)
	if err != nil {
		return err
	}
	for n := range f.instances {
		back, err := wire.New(at.Host)
		if err != nil {
			return err
		}
		p.back = append(p.back, back)
		through := *at
		through.Host = back.Addr()
		bus, err := p.busOf(f, n)
		if err != nil {
			return err
		}
		if err := p.start(e, f, "--database", through.String(), "--bus", bus); err != nil {
			return err
		}
	}
	return nil
}

func (p *plant) onSQLite(e *env, f fault) error {
	folder := p.folder
	if f.folder != nil {
		var err error
		if folder, err = f.folder(p); err != nil {
			return err
		}
	}
	file := filepath.Join(folder, "parley.db")
	p.driver, p.direct = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	return p.start(e, f, "--database", "sqlite:"+file)
}

// start starts one more instance.
func (p *plant) start(e *env, f fault, more ...string) error {
	name := fmt.Sprintf("instance-%d", len(p.instances))
	binary, clock, err := e.binary, (*site.Clock)(nil), error(nil)
	if f.clocks {
		if binary, err = e.binaryWithClock(); err != nil {
			return err
		}
		if clock, err = site.NewClock(filepath.Join(p.folder, name+".clock")); err != nil {
			return err
		}
	}
	args := append([]string{"--data", filepath.Join(p.folder, name)}, arguments...)
	instance, err := site.NewInstance(binary, p.folder, name, append(args, more...)...)
	if err != nil {
		return err
	}
	instance.Clock = clock
	p.instances = append(p.instances, instance)
	front, err := wire.New(instance.Addr)
	if err != nil {
		return err
	}
	p.front = append(p.front, front)
	return instance.Start()
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
	for _, proxy := range p.proxies() {
		proxy.Arm(nil)
		proxy.Set(wire.Weather{})
	}
	for _, instance := range p.instances {
		if instance.Clock != nil {
			if err := instance.Clock.Set(0); err != nil {
				return err
			}
		}
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

func (p *plant) proxies() []*wire.Proxy { return slices.Concat(p.front, p.back, p.toBus) }

// close ends everything. The folder stays where it holds evidence.
func (p *plant) close(keep bool) {
	for _, instance := range p.instances {
		instance.Kill()
	}
	for _, proxy := range p.proxies() {
		proxy.Close()
	}
	if p.relay != nil {
		p.relay.Close()
	}
	if p.nats != nil {
		p.nats.Close()
	}
	switch {
	case p.own:
		for _, standby := range p.standbys {
			_ = standby.Close()
		}
		if p.first != nil {
			_ = p.first.Close()
		}
	case p.drop != nil:
		_ = p.drop()
	}
	if p.unmount != nil {
		p.unmount()
	}
	if !keep {
		_ = os.RemoveAll(p.folder)
	}
}
