//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/e2e/chaos/history"
)

// crash ends PostgreSQL as a power cut would, and starts it.
func crash(in *injection) error {
	if err := in.plant.server.Crash(); err != nil {
		return err
	}
	return in.backAfter(in.plant.server.Start)
}

// backAfter brings the database back, and takes the time from there until every instance
// takes posts again. One that does not within the time that all has to heal in is an error.
func (in *injection) backAfter(bring func() error) error {
	if err := bring(); err != nil {
		return err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(in.ctx, healing)
	defer cancel()
	posting, ctx := errgroup.WithContext(ctx)
	for n, front := range in.plant.front {
		posting.Go(func() error {
			if in.world.SayAt(ctx, front.Addr()) == 0 {
				return fmt.Errorf("instance %d took no post within %s", n, healing)
			}
			return nil
		})
	}
	err := posting.Wait()
	in.back = max(in.back, time.Since(began))
	return err
}

// outage keeps PostgreSQL away for a while.
func outage(in *injection) error {
	if err := in.plant.server.Crash(); err != nil {
		return err
	}
	in.wait(10*time.Second, 10*time.Second)
	return in.backAfter(in.plant.server.Start)
}

// stall freezes PostgreSQL, so that connections stay and nothing answers.
func stall(in *injection) error {
	if err := in.plant.server.Freeze(); err != nil {
		return err
	}
	in.wait(500*time.Millisecond, 4*time.Second)
	return in.backAfter(in.plant.server.Thaw)
}

// terminateBackends ends one of the instances' connections at PostgreSQL's side, or now and
// then all of them, a listener's among them.
func terminateBackends(in *injection) error {
	db, err := sql.Open("postgres", in.plant.direct)
	if err != nil {
		return err
	}
	defer db.Close()
	limit := 1
	if in.r.IntN(5) == 0 {
		limit = 1000
	}
	_, err = db.ExecContext(in.ctx, `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT $1) chosen`, limit)
	return err
}

// failOver lets the primary be lost while clients work, and a standby take its place that
// lacks what was committed last.
func failOver(in *injection) error {
	p := in.plant
	standby, err := p.server.Standby()
	if err != nil {
		return err
	}
	p.standbys = append(p.standbys, standby)
	lost := history.Span{From: in.world.Record.Since()}
	if err := standby.Detach(); err != nil {
		return err
	}
	in.wait(500*time.Millisecond, 1500*time.Millisecond)
	if err := p.server.Crash(); err != nil {
		return err
	}
	if p.direct, err = standby.Counterpart(p.direct); err != nil {
		return err
	}
	at, err := url.Parse(p.direct)
	if err != nil {
		return err
	}
	for _, back := range p.back {
		back.Lead(at.Host)
	}
	p.server = standby
	if err := in.backAfter(standby.Promote); err != nil {
		return err
	}
	// Until an instance notices, it shows what it has in memory, and then tells its readers.
	if err := p.heal(); err != nil {
		return err
	}
	in.wait(3*time.Second, 3*time.Second)
	lost.To = in.world.Record.Since()
	in.world.Record.PutBack(lost)
	return nil
}
