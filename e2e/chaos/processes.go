//go:build linux

package main

import (
	"syscall"
	"time"

	"parley/e2e/chaos/site"
)

// thaw lets an instance go on that a signal has stopped.
func thaw(i *site.Instance) error { return i.Signal(syscall.SIGCONT) }

// any is one of the instances.
func (in *injection) any() *site.Instance {
	return in.plant.instances[in.r.IntN(len(in.plant.instances))]
}

// kill is kill -9 of an instance, and its start.
func kill(in *injection) error {
	i := in.any()
	i.Kill()
	return i.Start()
}

// terminate ends an instance in good order, and starts it.
func terminate(in *injection) error {
	i := in.any()
	if _, err := i.Terminate(); err != nil {
		return err
	}
	return i.Start()
}

// freeze stops an instance where it stands, and lets it go on.
func freeze(least, most time.Duration) func(*injection) error {
	return func(in *injection) error {
		i := in.any()
		if err := i.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		in.wait(least, most)
		return thaw(i)
	}
}

// wait lets time pass, at the least and at the most so much.
func (in *injection) wait(least, most time.Duration) {
	select {
	case <-in.ctx.Done():
	case <-time.After(least + time.Duration(in.r.Int64N(int64(most-least)+1))):
	}
}
