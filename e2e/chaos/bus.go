//go:build linux

package main

import "time"

// loseNATS stops one server of NATS for a while, and starts it.
func loseNATS(servers int) func(*injection) error {
	return func(in *injection) error {
		i := in.r.IntN(servers)
		in.plant.nats.Stop(i)
		in.wait(200*time.Millisecond, 2*time.Second)
		return in.plant.nats.Start(i)
	}
}

// bear lets the workload go on: the harm is done all the time.
func bear(in *injection) error {
	in.wait(time.Second, time.Second)
	return nil
}
