//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"parley/e2e/chaos/site"
	"parley/e2e/need"
)

// env is what all faults share.
type env struct {
	binary string
	server *need.Server
	folder string
	// binaryWithClock is of a program whose clock can be set, built when it is first asked for.
	binaryWithClock func() (string, error)
}

func newEnv() (e *env, err error) {
	e = &env{}
	if e.folder, err = os.MkdirTemp("", "parley-chaos-"); err != nil {
		return nil, err
	}
	e.binary = filepath.Join(e.folder, "parley")
	if err := site.Build(e.binary, ""); err != nil {
		return nil, err
	}
	e.binaryWithClock = sync.OnceValues(func() (string, error) {
		path := filepath.Join(e.folder, "parley-with-clock")
		return path, site.BuildWithClock(path)
	})
	if e.server, err = need.StartServer(); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *env) close() {
	if e.server != nil {
		_ = e.server.Close()
	}
	_ = os.RemoveAll(e.folder)
}

// perRound is how much harm is done to one plant.
const perRound = 25

// inRound is how much of what is left is done in one round.
func (f fault) inRound(left int) int {
	if f.run != nil {
		return left
	}
	return min(perRound, left)
}

// do does a fault n times, in rounds of a plant each. said is told of each round.
func (e *env) do(ctx context.Context, f fault, n int, seed uint64, said func(outcome)) (all outcome, err error) {
	for round := uint64(0); all.injected < n; round++ {
		o, err := e.round(ctx, f, f.inRound(n-all.injected), seed+round)
		for i, violation := range o.violations {
			o.violations[i] = fmt.Sprintf("%s, seed %d: %s", f.name, seed+round, violation)
		}
		all.add(o)
		said(all)
		if err != nil {
			return all, err
		}
		if f.run != nil { // its own measure of how much there is to do
			return all, nil
		}
	}
	return all, nil
}

func (e *env) round(ctx context.Context, f fault, n int, seed uint64) (o outcome, err error) {
	if f.run != nil {
		return f.run(ctx, e, n, seed)
	}
	options := usual(seed)
	if f.change != nil {
		f.change(&options)
	}
	return e.judged(ctx, f, options, seed, func(in *injection) (done int, err error) {
		for range n {
			if err := in.harm(f); err != nil {
				return done, err
			}
			done++
		}
		return done, nil
	})
}
