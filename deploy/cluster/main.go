//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` of nginx")
	flag.StringVar(&o.parley, "parley", "", "`program` to run as the instances; built from this project if absent")
	flag.StringVar(&o.keep, "keep", "", "`folder` for the logs and the configuration of nginx, which is kept; a temporary one if absent")
	natsAt := flag.String("nats", "", "run NATS on this `address` and nothing else; the cluster starts itself so")
	flag.Parse()

	// A second signal must not end this process before what it started.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// Nor must a reader of the output that goes away.
	signal.Ignore(syscall.SIGPIPE)
	run := func() error { return runCluster(ctx, o, os.Stdout) }
	if *natsAt != "" {
		run = func() error { return runNATS(ctx, *natsAt) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}
