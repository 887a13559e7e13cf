package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// workload is how many messages are posted how fast, and how many readers follow them.
type workload struct {
	chats, readers int
	// people are the members of the chats; 0 is one.
	people int
	// messages is how many there are before, a multiple of chats.
	messages int
	// accounts have so many chats, each, of their own.
	accounts, each int
	// stalled of the readers never read.
	stalled int
	// posters post at a pace.
	posters int
	pace    pace
	// patient posters ask again where the server has no time for them.
	patient bool
	// warm is how long messages are carried before anything is counted, for time.
	warm, time time.Duration
}

// seed is what the server's database holds before.
func (c workload) seed() seed {
	return seed{people: max(c.people, 1), chats: c.chats, messages: c.messages, accounts: c.accounts, each: c.each}
}

// lasts is about how long it takes.
func (c workload) lasts() time.Duration {
	return c.warm + c.time + 2*time.Second + time.Duration(c.readers)*300*time.Microsecond
}

// openAtOnce is how many streams are opened at the same time where that is not
// what is measured.
const openAtOnce = 256

// workloadRun is a workload under way.
type workloadRun struct {
	workload
	system   system
	instance *instance
	audience *audience
	posters  *posters
}

// begin starts a server, opens all streams, and makes posters ready. The run is to
// be ended in any case.
func (c workload) begin(ctx context.Context, on system) (r *workloadRun, err error) {
	r = &workloadRun{workload: c, system: on}
	if r.instance, err = on.start(ctx, c.seed()); err != nil {
		return r, err
	}
	if r.audience, err = startAudience(ctx); err != nil {
		return r, err
	}
	r.audience.delivered.used = min(groups, (c.readers-c.stalled)/c.chats)
	return r, nil
}

// open opens the streams that are not open, after an id of each chat or, without
// any, from now on.
func (r *workloadRun) open(after []int64, atOnce int) error {
	o := &opening{
		Addresses: r.instance.followed(), Readers: r.readers, Chats: r.chats, Stalled: r.stalled,
		Lanes: lanes(r.workload.posters, r.chats), Opened: []byte(r.instance.opened), Greeted: []byte(r.instance.greeted),
		SSE: r.system.sse, AtOnce: atOnce, Nap: r.nap(),
	}
	for ch := range r.chats {
		place := int64(-1)
		if after != nil {
			place = after[ch]
		}
		o.Requests = append(o.Requests, r.instance.request(ch+1, place))
		if r.instance.reply != nil {
			o.Replies = append(o.Replies, r.instance.reply(ch+1))
		}
	}
	_, err := r.audience.tell(order{Open: o})
	return err
}

// connect makes the posters ready.
func (r *workloadRun) connect(ctx context.Context) (err error) {
	r.posters, err = newPosters(ctx, r.instance, r.workload.posters, r.chats, r.patient, r.audience.delivered)
	return err
}

// nap is how long readers rest: not at all where what counts is how soon messages
// come.
func (c workload) nap() time.Duration {
	if c.pace.rate > 0 {
		return 0
	}
	return 2 * time.Millisecond
}

func (r *workloadRun) end() error {
	r.posters.close()
	return errors.Join(r.audience.stop(), r.instance.stop())
}

// readingEach is how many readers of a chat read.
func (r *workloadRun) readingEach() int64 { return int64((r.readers - r.stalled) / r.chats) }

// moment is what was counted up to a time.
type moment struct {
	at               time.Time
	counted          counted
	server, database float64
}

func (r *workloadRun) moment() (m moment, err error) {
	if m.counted, err = r.audience.tell(order{Count: true}); err != nil {
		return m, err
	}
	server, err := processorTime(r.instance.pid())
	if err != nil {
		return m, err
	}
	m.at, m.server = time.Now(), float64(server)
	m.database, err = r.instance.databaseTime()
	return m, err
}

// momentAfter is the first moment after another by which anything was delivered: on a machine
// that is busy with other things it may be long in coming. It waits for a minute at most.
func (r *workloadRun) momentAfter(ctx context.Context, before moment) (m moment, err error) {
	for range 600 {
		if m, err = r.moment(); err != nil || m.counted.Deliveries > before.counted.Deliveries {
			return m, err
		}
		if err = wait(ctx, 100*time.Millisecond); err != nil {
			return m, err
		}
	}
	return m, nil
}

// since is what was measured between two moments.
func (m moment) since(before moment) figures {
	f := noFigures()
	n := float64(m.counted.Deliveries - before.counted.Deliveries)
	if n == 0 {
		return f
	}
	l := m.counted.Latencies.since(before.counted.Latencies)
	f[deliveryRate] = n / m.at.Sub(before.at).Seconds()
	f[serverTime] = (m.server - before.server) / n
	if m.database > 0 {
		f[databaseTime] = (m.database - before.database) / n
	}
	f[audienceTime] = float64(m.counted.CPU-before.counted.CPU) / n
	f[latencyHalf], f[latencyMost] = float64(l.within(0.5)), float64(l.within(0.99))
	f[bytesEach] = float64(m.counted.Bytes-before.counted.Bytes) / n
	return f
}

// post posts for as long as it takes and tells what that cost, and whether all
// was delivered.
func (r *workloadRun) post(ctx context.Context) (f figures, l latencies, err error) {
	// What was left behind before this run is no work of this run's.
	runtime.GC()
	posting, stop := context.WithCancel(ctx)
	defer stop()
	working, posting := errgroup.WithContext(posting)
	working.Go(func() error { return r.posters.run(posting, r.pace) })
	var before, after moment
	working.Go(func() (err error) {
		defer stop()
		if err := wait(posting, r.warm); err != nil {
			return err
		}
		if before, err = r.moment(); err != nil {
			return err
		}
		if err := wait(posting, r.time); err != nil {
			return err
		}
		after, err = r.momentAfter(posting, before)
		return err
	})
	if err := working.Wait(); err != nil {
		return f, nil, err
	}
	f = after.since(before)
	waited := r.posters.waited()
	f[acknowledged], f[acknowledgedMost] = float64(quantile(waited, 0.5)), float64(quantile(waited, 0.99))
	f[wrong], err = r.settle(ctx)
	return f, after.counted.Latencies.since(before.counted.Latencies), err
}

// settle waits until everything is delivered and returns how much was not, or not
// as it should have been.
func (r *workloadRun) settle(ctx context.Context) (float64, error) {
	if err := r.audience.await(ctx, r.posters.acknowledged.Load()*r.readingEach()); err != nil {
		return 0, err
	}
	c, err := r.audience.tell(order{Count: true, Posted: r.posters.posted()})
	return float64(c.Lost + c.Repeated + c.Broken), err
}

// with starts a server, does something with it, and ends it.
func (c workload) with(ctx context.Context, on system, do func(r *workloadRun) error) (err error) {
	r, err := c.begin(ctx, on)
	defer func() { err = errors.Join(err, r.end()) }()
	if err != nil {
		return err
	}
	return do(r)
}

// fanOut opens all streams and carries messages to them.
func (c workload) fanOut(ctx context.Context, on system) (f figures, l latencies, err error) {
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		f, l, err = r.post(ctx)
		return err
	})
	return f, l, err
}
