package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	parley "parley/server"
)

// cluster is parley as several instances on one database.
type cluster struct {
	name      string
	instances int
	// bus is what joins them: memory, postgres or nats.
	bus string
	// apart has messages posted on the first instance and followed on the last; spread has
	// them posted on all, and everywhere has them followed on all as well. Otherwise all is
	// done on the first.
	apart, spread, everywhere bool
	// share is the part of one core that each instance may have; 0 is no bound.
	share float64
}

// on is the cluster as a system.
func (c cluster) on(e *engine, passwordHash string) system {
	start := func(ctx context.Context, holds seed) (_ *instance, err error) {
		var broker *child
		bus := c.bus
		if bus == "nats" {
			if broker, err = startNATS(ctx); err != nil {
				return nil, err
			}
			bus = "nats://" + broker.address
		}
		first, err := parleyOn(e, passwordHash, c.name, parley.Settings{Bus: bus}).start(ctx, holds)
		if err != nil {
			return nil, errors.Join(err, broker.stop())
		}
		first.others = append(first.others, broker)
		first.posting, first.following = []string{first.address}, []string{first.address}
		for range c.instances - 1 {
			other, err := serveWith(ctx, first.database, parley.Settings{Bus: bus})
			if err != nil {
				return nil, errors.Join(err, first.stop())
			}
			first.others = append(first.others, other)
			if c.spread || c.everywhere {
				first.posting = append(first.posting, other.address)
			}
			if c.everywhere {
				first.following = append(first.following, other.address)
			}
			if c.apart {
				first.following = []string{other.address}
			}
		}
		if c.share > 0 {
			for _, in := range append(first.others[1:], first.child) {
				if err := in.share(c.share); err != nil {
					return nil, errors.Join(err, first.stop())
				}
			}
		}
		return first, nil
	}
	return system{name: c.name, ours: true, sse: true, start: start}
}

// startNATS starts a NATS server as a process of its own.
func startNATS(ctx context.Context) (*child, error) {
	c, err := newChild()
	if err != nil {
		return nil, err
	}
	if err := c.startRole(ctx, "nats", struct{}{}); err != nil {
		return nil, errors.Join(fmt.Errorf("starting NATS: %w", err), c.stop())
	}
	return c, nil
}

// serveNATS is a NATS server as a role.
func serveNATS(in *bufio.Reader) error {
	if err := readSettings(in, &struct{}{}); err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	go s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server does not answer")
	}
	fmt.Println(s.Addr())
	<-untilStdinEnds(in).Done()
	return nil
}

// instances are the sections about several instances on one PostgreSQL.
func instances(engines []*engine, passwordHash string, scale scale, doing io.Writer) (sections []section, err error) {
	i := slices.IndexFunc(engines, func(e *engine) bool { return e.plain == plainPostgres })
	if i < 0 {
		return nil, nil
	}
	on := func(clusters ...cluster) (systems []system) {
		for _, c := range clusters {
			systems = append(systems, c.on(engines[i], passwordHash))
		}
		return systems
	}
	scenarios := []*scenario{
		apart(on, scale, "100 messages/s", workload.fanOut, pace{rate: 100}),
		apart(on, scale, "half of what can be posted", workload.halfOfMost, asFastAsPossible),
		together(on, scale, clients, 0), together(on, scale, 8*clients, 0),
	}
	if err := canShare(); err == nil {
		scenarios = append(scenarios, together(on, scale, 8*clients, instanceShare))
	} else if _, err := fmt.Fprintf(doing, "instances with a share of a core each are left out: %v\n", err); err != nil {
		return nil, err
	}
	for _, s := range scenarios {
		s.part = "Instances"
		sections = append(sections, s.section(scale.turnsStreams, ""))
	}
	return sections, nil
}

// instanceShare is of one core, so that the instances, the database and the clients fit on two cores,
// and an instance more is processor time more, as on a machine of its own.
const instanceShare = 0.25

// apart is how long a message takes to a stream of another instance, beside one of the
// same.
func apart(on func(...cluster) []system, scale scale, rate string, measure func(workload, context.Context, system) (figures, latencies, error), p pace) *scenario {
	const readers = 10
	c := scale.workload(1, readers*scale.fewer, p)
	s := &scenario{name: fmt.Sprintf("1 chat, %d readers, %s, to a stream of another instance", readers, rate)}
	for _, bus := range []struct {
		name string
		more time.Duration
	}{{"nats", 2 * time.Millisecond}, {"postgres", 5 * time.Millisecond}} {
		same := bus.name + ", the same instance"
		within := func(f figure) target {
			return below(1, fmt.Sprintf("%s ≤ 2.0 times that of the same instance, and %v", columns[f].name, bus.more), f,
				func(_ figures, of func(string) figures) float64 { return 2*of(same)[f] + float64(bus.more) })
		}
		of := func(ctx context.Context, on system) (figures, latencies, error) { return measure(c, ctx, on) }
		s.entries = append(s.entries, entries(on(cluster{name: same, instances: 2, bus: bus.name}), c.lasts(), of, nothingWrong)...)
		s.entries = append(s.entries, entries(on(cluster{name: bus.name + ", another instance", instances: 2, bus: bus.name, apart: true}),
			c.lasts(), of, within(latencyHalf), within(latencyMost), nothingWrong)...)
	}
	return s
}

// halfOfMost carries messages at half the rate that can be posted, which it measures
// first.
func (c workload) halfOfMost(ctx context.Context, on system) (f figures, l latencies, err error) {
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		most, _, err := r.post(ctx)
		if err != nil {
			return err
		}
		r.pace = pace{rate: most[deliveryRate] / float64(r.readingEach()) / 2}
		f, l, err = r.post(ctx)
		return err
	})
	return f, l, err
}

// together is what several instances on one database carry, beside one alone, of as many
// clients: few, which wait for one another's batches, and as many as there are where one
// instance does not suffice. What a bus costs shows in one instance that has one and nobody
// to tell.
func together(on func(...cluster) []system, scale scale, clients int, share float64) *scenario {
	c := scale.workload(1000, 1000, asFastAsPossible)
	c.posters = clients
	of := func(ctx context.Context, on system) (figures, latencies, error) { return c.fanOut(ctx, on) }
	const alone = "1 instance, no bus"
	s := &scenario{name: fmt.Sprintf("%d chats, %d clients posting as fast as possible on all instances", c.chats, c.posters), baseline: alone}
	if share > 0 {
		s.name += fmt.Sprintf(", %.2f of a core each", share)
	}
	s.entries = append(s.entries, entries(on(cluster{name: alone, instances: 1, bus: "memory", share: share}), c.lasts(), of, nothingWrong)...)
	for _, bus := range []string{"nats", "postgres"} {
		for _, n := range []int{1, 2, 4} {
			least := 1.0
			if n == 1 {
				least = 0.95
			}
			s.entries = append(s.entries, entries(on(cluster{name: fmt.Sprintf("%s, %s", count(n, "instance"), bus), instances: n, bus: bus, spread: true, share: share}),
				c.lasts(), of, atLeast(least, rateRatio), nothingWrong)...)
		}
	}
	return s
}
