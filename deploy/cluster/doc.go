//go:build unix

// Command cluster runs two instances of parley, PostgreSQL, NATS and nginx on this machine,
// to try out:
//
//	go run ./deploy/cluster
//
// Each is a process of its own on a loopback address. An instance, NATS or nginx that ends
// is started again after a few seconds. SIGINT, SIGTERM and SIGHUP end all of them, and so
// does a start that fails. PostgreSQL also ends if this process is killed.
package main
