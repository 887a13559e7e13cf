//go:build linux

package main

import (
	"time"

	"parley/e2e/chaos/load"
)

// faults are what is done, in the order in which it is.
func faults() []fault {
	all := []fault{
		{name: "kill -9 of an instance", count: 200, short: 4, each: 700 * time.Millisecond, instances: 3, bus: busPostgres, inject: kill},
		{name: "SIGTERM, instances in turn", count: 50, short: 2, each: time.Second, instances: 3, bus: busPostgres, inject: terminate},
		{name: "SIGSTOP of an instance, 1 to 20 s", count: 50, short: 0, each: 11 * time.Second, instances: 3, bus: busPostgres, inject: freeze(time.Second, 20*time.Second)},
		{name: "PostgreSQL: immediate stop and start", count: 50, short: 1, each: 2 * time.Second, instances: 2, own: true, bus: busPostgres, inject: crash},
		{name: "PostgreSQL: outage of 10 s", count: 20, each: 11 * time.Second, instances: 2, own: true, bus: busPostgres, inject: outage},
		{name: "PostgreSQL frozen, 0.5 to 4 s", count: 20, each: 3 * time.Second, instances: 2, own: true, bus: busPostgres, inject: stall},
		{name: "PostgreSQL: failover to a standby that lost commits", count: 10, short: 1, each: 8 * time.Second, instances: 2, own: true, bus: busPostgres, inject: failOver},
		{name: "backends terminated, the listener's too", count: 500, short: 12, each: 250 * time.Millisecond, instances: 2, bus: busPostgres, inject: terminateBackends},
		{name: "network between instance and database", count: 100, short: 2, each: 1900 * time.Millisecond, instances: 2, bus: busPostgres, inject: between(databaseSide)},
		{name: "network between clients and instance", count: 100, short: 2, each: 1900 * time.Millisecond, instances: 2, bus: busPostgres, inject: between(clientSide)},
		{name: "network between instance and NATS", count: 100, short: 2, each: 1900 * time.Millisecond, instances: 2, bus: busNATS, inject: between(busSide)},
		{name: "NATS stopped and started", count: 50, short: 2, each: 1400 * time.Millisecond, instances: 2, bus: busNATS, inject: loseNATS(1)},
		{name: "a cluster of three NATS loses a node", count: 20, short: 1, each: 1400 * time.Millisecond, instances: 2, bus: busCluster, inject: loseNATS(3)},
		{name: "a bus that drops, repeats, delays and reorders 30 %, seconds", count: 600, short: 4, each: 1200 * time.Millisecond, instances: 3, bus: busHostile, inject: bear},
	}
	for _, kind := range []load.Kind{load.All, load.Lines, load.Client, load.Bare} {
		all = append(all, fault{name: "client connection cut at every offset: " + string(kind), count: 3000, short: 12, each: 20 * time.Millisecond, run: cutClient(kind)})
	}
	all = append(all, fault{name: "connection to the database cut after every server byte", count: 3000, short: 24, each: 100 * time.Millisecond, run: cutDatabase})
	all = append(all,
		fault{name: "notifications missed by an instance", count: 20, short: 1, each: time.Second, run: missed},
		fault{name: "wall clock of an instance an hour ahead or behind, PostgreSQL", count: 10, each: 3300 * time.Millisecond, instances: 2, bus: busPostgres, clocks: true, change: skewed, inject: setClock},
		fault{name: "wall clock of an instance an hour ahead or behind, SQLite", count: 10, each: 3300 * time.Millisecond, clocks: true, change: skewed, inject: setClock},
		fault{name: "SQLite put back to a backup", count: 10, short: 1, each: 3 * time.Second, inject: putBack})
	if canMount() {
		all = append(all, fault{name: "disk full under SQLite", count: 10, short: 1, each: time.Second, folder: small, inject: fill})
	}
	return all
}
